"""What every use reads of a title: its shots' spans, text and cues, and their vectors under a name."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import CatalogError, UsageError
from mediafm.index import VectorIndex
from mediafm.search.example import require_title
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

CONCAT = "concat"

Values = NDArray[np.float64]


@dataclass(frozen=True)
class TitleShots:
    """n shots of one title. start_s, end_s: float64 [n]; texts: what is said in each.

    cues: float64 [c, 2], start and end in seconds of every spoken line, by start; None where the catalog knows the
    words of shots, but not when in a shot they are said (imported text).
    """

    title: str
    start_s: Values
    end_s: Values
    texts: tuple[str, ...]
    cues: Values | None

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def edges(self) -> Values:
        """[n + 1]: where shots begin, and where the last one ends."""
        return np.append(self.start_s, self.end_s[-1])


def check_titles(catalog: "Catalog", titles: Sequence[str]) -> list[str]:
    """The titles asked for, all without any; UsageError with near names for one that is not there."""
    known = catalog.title_ids()
    if not known:
        raise CatalogError("The catalog holds no titles.", "Fill it with `mediafm ingest` or `mediafm import`.")
    for title in titles:
        require_title(title, known)
    return list(dict.fromkeys(titles)) or known


def read_shots(catalog: "Catalog", title: str) -> TitleShots:
    """A title's shots as the catalog holds them."""
    shots = catalog.shots(title)
    spans = {(c.cue.start_ms, c.cue.end_ms) for shot in shots for c in shot.cues}
    told = any(shot.text.strip() for shot in shots)
    cues = None if told and not spans else np.array(sorted(spans), dtype=np.float64).reshape(-1, 2) / 1000
    return TitleShots(
        title,
        np.array([shot.start_s for shot in shots]),
        np.array([shot.end_s for shot in shots]),
        tuple(shot.text for shot in shots),
        cues,
    )


def context_features(catalog: "Catalog", features: str | None) -> str:
    """The name to compare by: as given, or the catalog's one embedding set with context, or "concat" without any.

    UsageError where there are several and none is named, or the name is unknown.
    """
    sets = catalog.embedding_sets()
    known = [*(spec.name for spec in sets), *catalog.spec.encoders, CONCAT]
    if features:
        if features not in known:
            near = get_close_matches(features, known, n=1)
            raise UsageError(
                f"The catalog has no features {features!r}.",
                (f"Did you mean {near[0]!r}? " if near else "") + f"It has {', '.join(known)}.",
            )
        return features
    in_context = [spec.name for spec in sets if spec.context != "none"]
    if len(in_context) > 1:
        raise UsageError(
            f"The catalog has {len(in_context)} embedding sets with context.",
            f"Say which to use by --features: {', '.join(in_context)}.",
        )
    return in_context[0] if in_context else CONCAT


def rows_of(index: VectorIndex, title: str, shots: int) -> FloatArray:
    """A title's unit rows of an index, float32 [n, D]; CatalogError where the index does not cover it as it is now."""
    if title in index.titles:
        number = index.titles.index(title)
        first, end = int(index.starts[number]), int(index.starts[number + 1])
        if end - first == shots:
            return index.rows(first, end)
    raise CatalogError(
        f"The features {index.name!r} do not cover title {title!r} as it is stored now.",
        "Run `mediafm embed` again, or name others by --features.",
    )
