"""What the libraries of object storage say when something is wrong, as one sentence and what to do about it."""

from collections.abc import Iterator
from contextlib import contextmanager

from mediafm.errors import StorageError

_SPELL = "Check how it is spelled; a bucket has to be made first."
# (what the libraries' messages hold, in small letters; why; what helps). The first that fits counts.
_TROUBLES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("nosuchbucket", "no such bucket", "bucket does not exist", "bucketnotfound"),
        "its bucket is not there",
        "Check how the bucket is spelled, or make it first.",
    ),
    (
        ("failed to resolve region", "noregion"),
        "the region of its bucket is not known, and could not be asked for",
        "Set AWS_REGION; check that the bucket exists and that this machine reaches the network.",
    ),
    (
        ("no aws credentials", "failed to get aws credentials", "failedtoloadtoken", "nocredentials", "tokenrequest"),
        "no credentials were found",
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or GOOGLE_APPLICATION_CREDENTIALS for gs://).",
    ),
    (
        ("credentialsnotloaded", "unable to locate credentials", "anonymous caller", "defaultcredentialserror"),
        "no credentials were found",
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or GOOGLE_APPLICATION_CREDENTIALS for gs://).",
    ),
    (
        ("connecterror", "dns error", "connection refused", "connectionrefused", "endpointconnection", "timed out")
        + ("could not connect", "connecttimeout", "clientconnector", "name or service not known", "cannot connect"),
        "the storage does not answer",
        "Check the network, and AWS_ENDPOINT_URL if the storage is not Amazon's; then run the command again.",
    ),
    (
        ("invalidaccesskeyid", "signaturedoesnotmatch", "expiredtoken", "invalidtoken", "invalid_grant"),
        "its credentials are not accepted",
        "Check the key and the secret, and that they have not expired.",
    ),
    (
        ("accessdenied", "access denied", "permissionerror", "forbidden", "status: 403", "unauthorized", "status: 401"),
        "access is denied",
        "Give these credentials the right to list, read and (for a catalog) write and delete there.",
    ),
)


@contextmanager
def translated(address: str, verb: str = "read") -> Iterator[None]:
    """Whatever a storage's library raises, as one sentence and what to do."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        bucket = "/".join(address.split("/")[:3])
        raise StorageError(f"{address} cannot be {verb}: it, or the bucket {bucket}, is not there.", _SPELL) from error
    except (OSError, TimeoutError, ValueError, RuntimeError) as error:
        raise _explained(address, verb, error) from error
    except Exception as error:
        # The libraries' own: botocore's NoCredentialsError, google's DefaultCredentialsError and their kin.
        if type(error).__module__.partition(".")[0] in ("botocore", "aiobotocore", "google", "gcsfs", "aiohttp"):
            raise _explained(address, verb, error) from error
        raise


def _explained(address: str, verb: str, error: BaseException) -> StorageError:
    """A StorageError for what a storage's library said."""
    said = f"{type(error).__name__}: {error}"
    for marks, why, remedy in _TROUBLES:
        if any(mark in said.lower() for mark in marks):
            return StorageError(f"{address} cannot be {verb}: {why}.", remedy)
    return StorageError(f"{address} cannot be {verb}: {said.splitlines()[0][:300]}", "Check the storage and try again.")


def trouble_of(address: str, action: str, error: BaseException) -> tuple[str, str] | None:
    """(message, remedy) where an error of LanceDB's is one of object storage, else None."""
    said = f"{type(error).__name__}: {error}".lower()
    for marks, why, remedy in _TROUBLES:
        if any(mark in said for mark in marks):
            return f"The catalog {address} could not {action}: {why}.", remedy
    return None
