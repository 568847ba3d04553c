"""From the files and folders a user names to the media files in them."""

from collections.abc import Iterable
from pathlib import Path

from mediafm.errors import UsageError

_PICTURE = "3gp asf avi flv m2ts m2v m4v mkv mov mp4 mpeg mpg mts mxf nut ogm ogv ts vob webm wmv"
_SOUND = "aac ac3 aif aiff flac m4a m4b mka mp3 oga ogg opus wav wma"
MEDIA_SUFFIXES = frozenset(f".{s}" for s in f"{_PICTURE} {_SOUND}".split())


def find_films(paths: Iterable[Path | str]) -> list[Path]:
    """Media files in `paths`, sorted, each once.

    Folders are searched through all their levels for known suffixes, hidden files left out; a file named by itself is
    taken whatever it is called. Raises UsageError for a path that is not there, or where nothing is found.
    """
    named = [Path(p) for p in paths]
    found: dict[Path, Path] = {}
    for path in named:
        if not path.exists():
            raise UsageError(f"{path} does not exist.", "Check the path.")
        for file in _inside(path) if path.is_dir() else [path]:
            found.setdefault(file.resolve(), file)
    if not found:
        where = ", ".join(map(str, named)) or "an empty list"
        raise UsageError(f"No film or sound file in {where}.", "Name files, or folders that hold .mp4, .mkv, .webm ...")
    return sorted(found.values())


def _inside(folder: Path) -> list[Path]:
    def is_media(file: Path) -> bool:
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        return file.suffix.lower() in MEDIA_SUFFIXES and not hidden and file.is_file()

    return [file for file in folder.rglob("*") if is_media(file)]
