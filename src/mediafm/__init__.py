"""mediafm: shot, clip and title embeddings that know their context.

`Catalog` and `ShotTransformer` are loaded on first use, so that `import mediafm` stays quick and loads no torch.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {"Catalog": "mediafm.catalog", "ShotTransformer": "mediafm.model"}
__all__ = ["Catalog", "ShotTransformer", "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mediafm' has no attribute {name!r}")
