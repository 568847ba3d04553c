"""Object storage: addresses like `s3://bucket/films`, the options that reach it, and files that lie there."""

from mediafm.storage.files import RemoteFile, check_writable, fetch, list_files, look_up, read_start, require_same
from mediafm.storage.options import (
    OPTIONS_VARIABLE,
    SECRET_PREFIXES,
    is_remote,
    lance_options,
    own_options,
    parse_options,
    set_options,
)
from mediafm.storage.troubles import trouble_of

__all__ = [
    "OPTIONS_VARIABLE",
    "SECRET_PREFIXES",
    "RemoteFile",
    "check_writable",
    "fetch",
    "is_remote",
    "lance_options",
    "list_files",
    "look_up",
    "own_options",
    "parse_options",
    "read_start",
    "require_same",
    "set_options",
    "trouble_of",
]
