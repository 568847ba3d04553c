import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mediafm.catalog import file_state, require_unchanged, source_fingerprint
from mediafm.errors import MediaError

LARGE = 3_000_000


def test_the_source_fingerprint_notices_other_content(tmp_path: Path) -> None:
    size = 3_000_000
    content = np.random.default_rng(0).integers(0, 256, size, np.uint8).tobytes()
    film = tmp_path / "film.mkv"
    film.write_bytes(content)
    first = source_fingerprint(film)
    renamed = film.rename(tmp_path / "other.mkv")
    assert source_fingerprint(str(renamed)) == first
    seen = {first}
    for at in (0, size // 2, size - 1):
        renamed.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        seen.add(source_fingerprint(renamed))
    for shorter in (content[:-1], content[:1000], b""):
        renamed.write_bytes(shorter)
        seen.add(source_fingerprint(renamed))
    assert len(seen) == 7
    with pytest.raises(MediaError, match="absent"):
        source_fingerprint(tmp_path / "absent")


def _overwrite(film: Path) -> None:
    """One byte that the hash does not cover, as a copy in progress might write it."""
    with film.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"!")


def _replace(film: Path) -> None:
    """The same bytes and the same date in another file put in its place."""
    about = film.stat()
    other = film.with_name("other.mkv")
    other.write_bytes(film.read_bytes())
    os.utime(other, ns=(about.st_atime_ns, about.st_mtime_ns))
    other.replace(film)


def _grow(film: Path) -> None:
    with film.open("ab") as file:
        file.write(b"more")


CHANGES: dict[str, Callable[[Path], object]] = {
    "grown": _grow,
    "cut": lambda film: os.truncate(film, LARGE - 1),
    "written inside": _overwrite,
    "replaced": _replace,
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changed_while_it_was_read_is_noticed(tmp_path: Path, change: str) -> None:
    film = tmp_path / "film.mkv"
    film.write_bytes(bytes(LARGE))
    os.utime(film, ns=(10**18, 10**18))  # long ago, so that a change has another date however coarse the clock
    before = file_state(film)
    film.read_bytes()
    require_unchanged(film, before)
    CHANGES[change](film)
    with pytest.raises(MediaError, match=r"film.mkv changed while it was read"):
        require_unchanged(film, before)


def test_a_file_that_went_is_no_traceback(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    film.write_bytes(b"film")
    before = file_state(film)
    film.unlink()
    with pytest.raises(MediaError, match="cannot be read"):
        require_unchanged(film, before)


def test_a_hundred_gigabytes_cost_no_more_than_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = tmp_path / "film.mkv"
    film.touch()
    os.truncate(film, 100 << 30)  # a hole, which takes no space
    read = [0]
    real = Path.open

    class Counted:
        def __init__(self, file: object) -> None:
            self._file = file

        def __getattr__(self, name: str) -> object:
            return getattr(self._file, name)

        def __enter__(self) -> "Counted":
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def read(self, n: int) -> bytes:
            read[0] += n
            return self._file.read(n)

    monkeypatch.setattr(Path, "open", lambda self, mode: Counted(real(self, mode)))
    assert file_state(film).size == 100 << 30
    assert read[0] < 1_000_000
