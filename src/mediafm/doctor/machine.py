"""The machine: Python, PyTorch and its accelerators, memory, and the folders that are written to."""

import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediafm import __version__
from mediafm.caches import cache_folder

HUB_MODELS = "models from the hub"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is written to. It need not be there yet: then its nearest parent is what counts."""

    use: str
    path: Path
    writable: bool
    free_bytes: int

    def as_json(self) -> dict[str, Any]:
        """For the document."""
        return {"use": self.use, "path": str(self.path), "writable": self.writable, "free_bytes": self.free_bytes}


def machine() -> dict[str, Any]:
    """System, processors, memory; JSON-able."""
    return {
        "mediafm": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": f"{platform.system()} {platform.release()} ({platform.machine()})",
        "processors": _processors(),
        "memory_bytes": _pages("SC_PHYS_PAGES"),
        "memory_free_bytes": _available(),
    }


def accelerators() -> dict[str, Any]:
    """PyTorch and what it can use; JSON-able. `error` in place of the rest where it cannot be loaded."""
    try:
        import torch
    except Exception as error:  # a broken installation fails in many ways
        return {"error": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
    found: dict[str, Any] = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    found["cuda"] = bool(torch.cuda.is_available())
    found["cuda_version"] = torch.version.cuda
    found["bf16"] = bool(found["cuda"] and torch.cuda.is_bf16_supported())
    found["devices"] = [
        {"name": p.name, "memory_bytes": p.total_memory}
        for p in (torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count()))
    ]
    return found


def folders() -> list[Folder]:
    """Where mediafm and the hub's client keep things, and where long titles wait."""
    from huggingface_hub.constants import HF_HUB_CACHE

    places = [
        ("features and paid vectors", cache_folder("")),
        (HUB_MODELS, Path(HF_HUB_CACHE)),
        ("rows of long titles", Path(tempfile.gettempdir())),
    ]
    return [_look_at(use, path) for use, path in places]


def _look_at(use: str, path: Path) -> Folder:
    there = next(p for p in (path, *path.absolute().parents) if p.exists())
    return Folder(use, path, _can_write(there), shutil.disk_usage(there).free)


def _can_write(folder: Path) -> bool:
    """Tried out: rights do not tell of read-only and full file systems."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
            file.flush()
    except OSError:
        return False
    return True


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _pages(name: str) -> int | None:
    try:
        return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def _available() -> int | None:
    """What could be had without swapping, as Linux says; elsewhere free pages, or None."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        return _pages("SC_AVPHYS_PAGES")
