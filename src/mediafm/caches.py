"""Where things that can be made again are kept: each kind in a folder of its own, which may be deleted at any time."""

import os
import sys
from pathlib import Path


def cache_folder(kind: str) -> Path:
    """`$MEDIAFM_CACHE/KIND`, or `mediafm/KIND` in the user's cache directory."""
    if named := os.environ.get("MEDIAFM_CACHE"):
        return Path(named).expanduser() / kind
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mediafm" / kind
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mediafm" / kind
