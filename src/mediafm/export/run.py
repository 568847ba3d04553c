"""`export`: choose, read title by title, write beside, put in place."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from mediafm.errors import UsageError
from mediafm.export.choosing import Selection, choose, near
from mediafm.export.hits import read_chapters, read_hits
from mediafm.export.job import Job
from mediafm.export.place import check_place, files_of, write_note, written_beside
from mediafm.export.titles import Title, film_is_there, film_of, read_titles
from mediafm.progress import SILENT, Progress

if TYPE_CHECKING:
    from mediafm.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Kind:
    """A form of export.

    writer: module and function. takes: which of `features`, `hits`, `chapters` mean something. defaults: the feature
    sets unless some are named, all of them or none. films: whether it points to films.
    """

    writer: tuple[str, str]
    takes: frozenset[str] = frozenset()
    default_features: Literal["all", "none"] = "none"
    films: bool = False


_VECTORS, _MARKS = frozenset({"features", "hits"}), frozenset({"hits", "chapters"})
KINDS: dict[str, Kind] = {
    "parquet": Kind(("tables", "write_parquet"), _VECTORS, "all"),
    "numpy": Kind(("arrays", "write_numpy"), frozenset({"features"}), "all"),
    "datasets": Kind(("hub", "write_datasets"), frozenset({"features"}), "all"),
    "csv": Kind(("tables", "write_csv"), frozenset({"hits"})),
    "fiftyone": Kind(("fiftyone", "write_fiftyone"), _MARKS | {"features"}, films=True),
    "otio": Kind(("timelines", "write_timelines"), _MARKS, films=True),
    "edl": Kind(("edit_lists", "write_edit_lists"), _MARKS, films=True),
    "markers": Kind(("marks", "write_markers"), _MARKS),
    "chapters": Kind(("marks", "write_chapters"), frozenset({"chapters"})),
}


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote. `as_json` is the command line's contract.

    out: the folder. files: paths inside it. bytes: all of them together. features: name -> fingerprint of its maker.
    told: what is true of which titles: `without_film`, `film_not_found`, `not_covered_by_SET`, and what kinds add.
    other_hits: hits that were left out because their title is not exported.
    """

    kind: str
    out: str
    titles: int
    shots: int
    bytes: int
    seconds: float
    files: list[str]
    features: dict[str, str]
    told: dict[str, list[str]]
    other_hits: int = 0

    def as_json(self) -> dict[str, Any]:
        """As `mediafm export --json` prints it."""
        return asdict(self)


def export(
    catalog: "Catalog | str",
    kind: str,
    out: str | os.PathLike[str],
    *,
    features: Sequence[str] | None = None,
    titles: Sequence[str] | None = None,
    hits: str | os.PathLike[str] | None = None,
    chapters: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> Exported:
    """Write titles of a catalog in one of KINDS into the folder `out`, which appears when all is there.

    features: modalities, `concat`, embedding sets, clip sets; None: all but `concat`, for kinds that hold vectors.
    titles: None: all. hits: what `mediafm search --json` printed. chapters: a JSON file of chapters in place of the
    films' own. overwrite: put it in place of an export that is there; nothing else is ever replaced.
    Raises UsageError for an unknown kind, title or feature set (with near matches) and for a place that is taken,
    ImportDataError for hits that do not fit, StorageError where the disk is full. A failed export leaves nothing.
    """
    from mediafm.catalog import Catalog

    started = time.monotonic()
    form = _kind(kind, features=features, hits=hits, chapters=chapters)
    folder = check_place(out, overwrite)
    opened = Catalog.open(catalog) if isinstance(catalog, str) else catalog
    wanted = features if features is not None or form.default_features == "all" else ()
    selection = choose(opened, wanted, titles)
    found, other = read_hits(hits, selection.titles) if hits else ([], 0)
    given = read_chapters(chapters, selection.titles) if chapters else []
    by_title = {title: list(some) for title, some in groupby(given, key=lambda c: c.title_id)}
    write = _writer(form)
    counted = _Counted(selection, progress)
    with written_beside(folder) as partial:
        job = Job(selection, counted.titles(), partial, found, by_title)
        write(job)
        told = {**_told(selection, form), **job.told}
        fingerprints = {f.name: f.fingerprint for f in (*selection.of_shots, *selection.of_clips)}
        write_note(partial, {"kind": kind, **selection.as_json(), "told": told})
        files = [(path.relative_to(partial).as_posix(), path.stat().st_size) for path in files_of(partial)]
    return Exported(
        kind,
        os.fspath(out),
        counted.done,
        counted.shots,
        sum(size for _, size in files),
        round(time.monotonic() - started, 3),
        [name for name, _ in files],
        fingerprints,
        told,
        other,
    )


@dataclass
class _Counted:
    """The selection's titles, counted as they are read."""

    selection: Selection
    progress: Progress
    done: int = 0
    shots: int = 0

    def titles(self) -> Iterator[Title]:
        """All titles, once."""
        self.progress.start("export", len(self.selection.titles), "titles", parts="shots")
        for title in read_titles(self.selection):
            yield title
            self.done, self.shots = self.done + 1, self.shots + len(title)
            self.progress.advance(1, parts=len(title), title=title.record.title_id)
        self.progress.end(titles=self.done, shots=self.shots)


def _kind(name: str, **given: Any) -> Kind:
    if name not in KINDS:
        raise UsageError(f"There is no export of kind {name!r}.", f"{near(name, KINDS)}Kinds are {', '.join(KINDS)}.")
    for option, value in given.items():
        if value is not None and option not in KINDS[name].takes:
            able = ", ".join(kind for kind, form in KINDS.items() if option in form.takes)
            raise UsageError(f"An export of kind {name} holds no {option}.", f"Leave --{option} out, or choose {able}.")
    return KINDS[name]


def _writer(kind: Kind) -> Callable[[Job], None]:
    module, name = kind.writer
    write: Callable[[Job], None] = getattr(import_module(f"mediafm.export.{module}"), name)
    return write


def _told(selection: Selection, kind: Kind) -> dict[str, list[str]]:
    told = {f"not_covered_by_{name}": titles for name, titles in selection.missing.items()}
    if kind.films:
        told["without_film"] = [r.title_id for r in selection.titles if not film_of(r)]
        told["film_not_found"] = [r.title_id for r in selection.titles if film_of(r) and not film_is_there(r)]
    return {what: titles for what, titles in told.items() if titles}
