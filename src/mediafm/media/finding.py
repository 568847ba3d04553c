"""From the files and folders a user names to the media files in them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mediafm.errors import UsageError
from mediafm.media.cuefiles import SUBTITLE_SUFFIXES
from mediafm.storage import RemoteFile, is_remote, list_files, look_up

_PICTURE = "3gp asf avi flv m2ts m2v m4v mkv mov mp4 mpeg mpg mts mxf nut ogm ogv ts vob webm wmv"
_SOUND = "aac ac3 aif aiff flac m4a m4b mka mp3 oga ogg opus wav wma"
MEDIA_SUFFIXES = frozenset(f".{s}" for s in f"{_PICTURE} {_SOUND}".split())
_BESIDE = (*SUBTITLE_SUFFIXES, ".nfo")
_COMMON_NFO = "movie.nfo"  # of the one film of a folder


@dataclass(frozen=True, slots=True)
class RemoteFilm:
    """A film on object storage, and what lies beside it and belongs to it: subtitles, an .nfo."""

    file: RemoteFile
    beside: tuple[RemoteFile, ...] = ()

    def __str__(self) -> str:
        return self.file.address

    @property
    def stem(self) -> str:
        """The film's name without its ending."""
        return self.file.stem

    @property
    def nfo(self) -> RemoteFile | None:
        """The .nfo among what lies beside it; one of its own name counts before `movie.nfo`."""
        named = {file.name: file for file in self.beside}
        return named.get(f"{self.stem}.nfo", named.get(_COMMON_NFO))


def find_films(paths: Iterable[Path | str]) -> list[Path | RemoteFilm]:
    """Media files in `paths`, sorted, each once; those of this machine first.

    Folders are searched through all their levels for known suffixes, hidden files left out; a file named by itself is
    taken whatever it is called. So is object storage: `s3://bucket/film.mkv`, or `s3://bucket/films` for all below it.
    Raises UsageError for a path that is not there, or where nothing is found, and StorageError where object storage
    cannot be listed.
    """
    named = list(paths)
    remote: list[RemoteFilm] = [film for address in named if is_remote(address) for film in _on_storage(str(address))]
    found: list[Path | RemoteFilm] = [*_on_disk([Path(p) for p in named if not is_remote(p)]), *dict.fromkeys(remote)]
    if not found:
        raise _nothing_in(named)
    return found


def _on_disk(named: Iterable[Path]) -> list[Path]:
    found: dict[Path, Path] = {}
    for path in named:
        if not path.exists():
            raise UsageError(f"{path} does not exist.", "Check the path.")
        for file in _inside(path) if path.is_dir() else [path]:
            found.setdefault(file.resolve(), file)
    return sorted(found.values())


def _inside(folder: Path) -> list[Path]:
    return [f for f in folder.rglob("*") if _is_media(f.relative_to(folder).parts, f.suffix) and f.is_file()]


def _on_storage(address: str) -> list[RemoteFilm]:
    one = None if address.endswith("/") else look_up(address)
    if one is not None:
        return _with_beside([one], list_files(one.folder, deep=False))
    folder, files = address.rstrip("/"), list_files(address)
    films = [f for f in files if _is_media(f.address[len(folder) + 1 :].split("/"), f.suffix)]
    if not films:
        raise UsageError(f"There is no film or sound file at {address}.", "Check how the address is spelled.")
    return _with_beside(films, files)


def _with_beside(films: Sequence[RemoteFile], files: Sequence[RemoteFile]) -> list[RemoteFilm]:
    """Each film with those of the files that are named like it, and the `movie.nfo` of a folder of its own."""
    named: dict[str, list[RemoteFile]] = {}
    in_folder = Counter(file.folder for file in files if file.suffix.lower() in MEDIA_SUFFIXES)
    common = {file.folder: [file] for file in files if file.name == _COMMON_NFO and in_folder[file.folder] == 1}
    for file in files:
        if file.suffix.lower() in _BESIDE:
            # film.en.forced.srt may belong to `film`, `film.en` or `film.en.forced`.
            words = file.address.split("/")[-1].split(".")
            for n in range(1, len(words)):
                named.setdefault(f"{file.folder}/{'.'.join(words[:n])}", []).append(file)
    return [
        RemoteFilm(
            film, tuple(dict.fromkeys([*named.get(f"{film.folder}/{film.stem}", ()), *common.get(film.folder, ())]))
        )
        for film in films
    ]


def _is_media(parts: Iterable[str], suffix: str) -> bool:
    return suffix.lower() in MEDIA_SUFFIXES and not any(part.startswith(".") for part in parts)


def _nothing_in(named: Iterable[Path | str]) -> UsageError:
    where = ", ".join(map(str, named)) or "an empty list"
    return UsageError(f"No film or sound file in {where}.", "Name files, or folders that hold .mp4, .mkv, .webm ...")
