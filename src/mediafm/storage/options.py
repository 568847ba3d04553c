"""What reaches object storage: keys, endpoints and the like, by the names that each library has for them.

They are taken from the environment (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_ENDPOINT_URL`, `AWS_REGION`,
profiles, roles of the machine; `GOOGLE_APPLICATION_CREDENTIALS`) and from options by LanceDB's names, which count
before it. Options stand in a variable of the environment, so that processes started from here have them too.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from mediafm.errors import UsageError

OPTIONS_VARIABLE = "MEDIAFM_STORAGE_OPTIONS"
# Variables that hold keys: a process that opens files of unknown origin has no use for them.
SECRET_PREFIXES = ("AWS_", "GOOGLE_", "AZURE_", "GCS_", OPTIONS_VARIABLE)
_S3_NAMES = {  # one meaning, and the names it has among LanceDB's options; in front of most may stand `aws_`
    "key": ("access_key_id",),
    "secret": ("secret_access_key",),
    "token": ("session_token", "token"),
    "endpoint": ("endpoint", "endpoint_url"),
    "region": ("region", "default_region"),
    "anonymous": ("skip_signature",),
}
_ENVIRONMENT = {
    "endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "anonymous": ("AWS_SKIP_SIGNATURE",),
}
_GCS_KEYS = ("google_service_account", "service_account", "google_application_credentials", "application_credentials")
_PATIENCE = {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 3}}


def is_remote(address: str | os.PathLike[str]) -> bool:
    """Whether this is an address of object storage rather than a path of this machine."""
    text = os.fspath(address)
    return "://" in text and not text.startswith("file://")


def parse_options(pairs: Sequence[str]) -> dict[str, str]:
    """`["aws_region=eu-west-1"]` as a mapping; UsageError for what is no `key=value`."""
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            # Not the text itself: it may be half of a secret.
            raise UsageError("A --storage-option is no key=value.", "Write for example aws_region=eu-west-1.")
        found[key.strip().lower()] = value
    return found


def set_options(options: Mapping[str, str]) -> None:
    """Use these options from now on, here and in processes started from here."""
    os.environ[OPTIONS_VARIABLE] = json.dumps(dict(options))


def own_options() -> dict[str, str]:
    """The options that were set, without what other variables of the environment say."""
    try:
        stated = json.loads(os.environ.get(OPTIONS_VARIABLE) or "{}")
        if isinstance(stated, dict):
            return {str(key): str(value) for key, value in stated.items()}
    except ValueError:
        pass
    raise UsageError(f"{OPTIONS_VARIABLE} is no JSON object.", 'Write for example {"aws_region": "eu-west-1"}.')


def lance_options(address: str) -> dict[str, str] | None:
    """What LanceDB is to be told about an address beside what it finds itself; None for a path of this machine."""
    if not is_remote(address):
        return None
    options = own_options()
    if address.startswith("s3"):
        meant = _s3_meaning(options)
        if endpoint := meant.get("endpoint"):
            options["aws_endpoint"] = endpoint
            options.setdefault("aws_region", meant.get("region") or "us-east-1")  # asked of Amazon otherwise
            if endpoint.startswith("http://"):
                options.setdefault("allow_http", "true")
        elif region := meant.get("region"):
            options["aws_region"] = region
    return options


def system_options(scheme: str) -> dict[str, Any]:
    """Our options by the names that fsspec's file systems have for them."""
    options = own_options()
    if scheme in ("gs", "gcs"):
        key = next((options[name] for name in _GCS_KEYS if name in options), None)
        return {"token": key} if key else {}
    if scheme not in ("s3", "s3a"):
        return {}
    meant = _s3_meaning(options)
    client = {"region_name": meant["region"]} if "region" in meant else {}
    keys: dict[str, Any] = {name: meant[name] for name in ("key", "secret", "token") if name in meant}
    anonymous = {"anon": True} if meant.get("anonymous", "").lower() in ("1", "true") else {}
    endpoint = {"endpoint_url": meant["endpoint"]} if "endpoint" in meant else {}
    return {**keys, **anonymous, **endpoint, "client_kwargs": client, "config_kwargs": dict(_PATIENCE)}


def _s3_meaning(options: Mapping[str, str]) -> dict[str, str]:
    """Key, secret, token, endpoint, region and anonymous, as far as options and environment say."""
    found = {}
    for meaning, names in _S3_NAMES.items():
        stated = [options[n] for name in names for n in (f"aws_{name}", name) if n in options]
        stated += [os.environ[name] for name in _ENVIRONMENT.get(meaning, ()) if os.environ.get(name)]
        if stated:
            found[meaning] = stated[0]
    return found
