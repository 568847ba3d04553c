"""Events for the tests of `ingest --live`: files that grow at a given pace, and how two catalogs are compared."""

import contextlib
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from mediafm.catalog import Catalog
from mediafm.errors import CatalogError


class Recorder(threading.Thread):
    """Writes bytes into a file, piece by piece; a context manager that waits for its end."""

    def __init__(self, path: Path, data: bytes, pieces: int, pause_s: float, first: int = 1) -> None:
        super().__init__(daemon=True)
        cuts = [len(data) * k // pieces for k in range(pieces + 1)]
        self._pieces = [data[a:b] for a, b in itertools.pairwise(cuts)]
        self._path, self._pause_s, self._first = path, pause_s, first
        path.write_bytes(b"".join(self._pieces[:first]))

    def run(self) -> None:
        with self._path.open("ab", buffering=0) as file:
            for piece in self._pieces[self._first :]:
                time.sleep(self._pause_s)
                file.write(piece)

    def __enter__(self) -> "Recorder":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.join()


@contextlib.contextmanager
def command_following(path: Path, catalog: Path) -> Iterator[subprocess.Popen[str]]:
    """`mediafm ingest --live` in a process of its own that has stored shots; gone at the end, whatever was found."""
    command = [sys.executable, "-m", "mediafm", "ingest", "--live", str(path), "-c", str(catalog)]
    process = subprocess.Popen(
        [*command, "--detector", "content", "--idle", "3000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            while process.poll() is None and not has_titles(catalog):
                time.sleep(0.1)
            assert process.poll() is None, "it ended before it had stored a shot"
            yield process
        finally:
            process.kill()


def has_titles(catalog: Path) -> bool:
    """Whether the catalog is made, which takes a moment after its folder is there, and holds a title."""
    try:
        return bool(Catalog.open(str(catalog)).title_ids())
    except CatalogError:
        return False


def put_segments(folder: Path, data: bytes, count: int, suffix: str = ".ts") -> list[Path]:
    """The bytes as so many segments; TS packets are kept whole."""
    folder.mkdir()
    unit = 188 if suffix == ".ts" else 1
    cuts = [len(data) // unit * k // count * unit for k in range(count)] + [len(data)]
    paths = []
    for k in range(count):
        paths.append(folder / f"seg-{k}{suffix}")
        paths[-1].write_bytes(data[cuts[k] : cuts[k + 1]])
    return paths


def assert_equal(one: Catalog, other: Catalog, title: str, other_title: str = "") -> None:
    """Shots, words, vectors, pictures and the record are the same to the last bit."""
    there = other_title or title
    assert one.shots(title) == other.shots(there)
    mine, theirs = one.features(title), other.features(there)
    for modality in mine.vectors:
        np.testing.assert_array_equal(mine.vectors[modality].view(np.uint16), theirs.vectors[modality].view(np.uint16))
        np.testing.assert_array_equal(mine.present[modality], theirs.present[modality])
    a, b = one.title_record(title), other.title_record(there)
    names = ("time_base", "end_pts", "frames", "n_shots", "width", "height", "fps", "has_video", "has_audio")
    names += ("has_text", "decode_failures", "warning")
    for name in names:
        assert getattr(a, name) == getattr(b, name), name
    for shot in range(a.n_shots):
        assert one.keyframe(title, shot) == other.keyframe(there, shot)


def extras(catalog: Catalog, titles: Iterable[str]) -> list[object]:
    """What the records keep besides their columns."""
    return [dict(catalog.title_record(title).extra) for title in titles]
