"""What LanceDB, s3fs and gcsfs really said when something was wrong, and what is made of it."""

import pytest

from mediafm.errors import StorageError
from mediafm.storage import trouble_of
from mediafm.storage.troubles import translated

SAID = {  # taken from the libraries' own messages
    "inner: Status { status: 404, body: Some(<Error><Code>NoSuchBucket</Code>": "its bucket is not there",
    "Generic S3 error: Failed to resolve region for bucket 'b'": "the region of its bucket is not known",
    "source: Failed to get AWS credentials: ProviderError(ProviderError { source: FailedToLoadToken": "no credentials",
    'Generic { store: "GCS", source: TokenRequest { source: RetryError': "no credentials",
    'ConnectError("tcp connect error", 127.0.0.1:9, Os { code: 111, kind: ConnectionRefused': "does not answer",
    'ConnectError("dns error", Custom { kind: Uncategorized': "does not answer",
    "inner: Status { status: 403, body: Some(<Error><Code>InvalidAccessKeyId</Code>": "credentials are not accepted",
    "inner: Status { status: 403, body: Some(<Error><Code>AccessDenied</Code>": "access is denied",
}


@pytest.mark.parametrize("said", SAID)
def test_every_message_becomes_a_sentence(said: str) -> None:
    found = trouble_of("s3://b/c", "be opened", ValueError(said))
    assert found is not None
    message, remedy = found
    assert SAID[said] in message and "s3://b/c" in message and remedy and "Status {" not in message
    with pytest.raises(StorageError, match=SAID[said]), translated("s3://b/c"):
        raise OSError(said)


def test_what_is_not_of_storage_stays_what_it_was() -> None:
    assert trouble_of("s3://b/c", "be read", ValueError("commit conflict for version 3")) is None
    with pytest.raises(KeyError), translated("s3://b/c"):
        raise KeyError("a mistake of ours")
