"""Drawing a map: anew, or with what came since placed into the one that is there."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from mediafm.caches import locked
from mediafm.errors import CatalogError, UsageError
from mediafm.maps.drawing import NOWHERE, UNITS, DrawnMap, Key, MapUnit
from mediafm.maps.grouping import assign, describe, find_centres
from mediafm.maps.judging import truth
from mediafm.maps.keeping import kept_map, map_path
from mediafm.maps.plane import ROUNDS, lay_out, neighbours_of, place_among, strongest
from mediafm.maps.points import Points, read_points
from mediafm.progress import SILENT, Progress
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

MOST_NEW = 0.3  # share of points placed since a map was drawn; with more it is drawn anew
_METHOD = 2  # raise it whenever equal vectors would give another map


def build_map(
    catalog: "Catalog", name: str, unit: MapUnit = "shot", anew: bool = False, progress: Progress = SILENT
) -> DrawnMap:
    """The map of what the catalog holds now, kept for the service.

    One that is there is returned as it is while nothing changed; points that came since are placed among those that
    stay where they are; it is drawn anew when asked for, when other encoders or another model made the vectors, and
    when more than MOST_NEW of its points would be such. UsageError for a name the catalog does not have or another
    unit, CatalogError where nothing has a vector or the cache cannot be written.
    """
    if unit not in UNITS:
        raise UsageError(f"There are no maps of {unit!r}.", f"A point is one of {', '.join(UNITS)}.")
    path = map_path(catalog, name, unit)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.parent):
            points = read_points(catalog, name, unit, progress)
            if not points.known.any():
                raise CatalogError(f"No {unit} of the catalog has {name}.", "Choose other features.")
            old = None if anew else kept_map(catalog, name, unit)
            if old is not None and old.keys == points.keys and _same_making(old, points):
                return old
            drawn = _extended(old, points, progress) if old is not None and _extends(old, points) else None
            drawn = drawn or _drawn(name, unit, points, progress)
            drawn.save(path)
    except OSError as error:
        raise CatalogError(
            f"The map cannot be kept in {path.parent}: {error.strerror or error}.",
            "Set MEDIAFM_CACHE to a folder that can be written and has room.",
        ) from error
    return drawn


def _same_making(old: DrawnMap, points: Points) -> bool:
    return old.fingerprint == points.fingerprint and old.facts.get("method") == _METHOD


def _extends(old: DrawnMap, points: Points) -> bool:
    """Whether enough of what is there stood on the map when it was drawn."""
    if not _same_making(old, points) or old.turn.shape[0] != points.rows.shape[1]:
        return False
    return _placed(points.keys, old.facts["drawn_titles"]) <= MOST_NEW * len(points.rows)


def _drawn(name: str, unit: MapUnit, points: Points, progress: Progress) -> DrawnMap:
    began = time.monotonic()
    known = points.known
    middle_D, turn_DR = strongest(points.rows[known])
    reduced = np.asarray((points.rows[known] - middle_D) @ turn_DR, np.float32)
    progress.start("map", ROUNDS, "rounds")
    places = lay_out(reduced, progress.advance)
    centres = find_centres(reduced)
    progress.end()
    drawn_s = time.monotonic() - began
    trust, kept = truth(reduced, places, neighbours_of(len(places)))
    facts = {
        "method": _METHOD,
        "drawn": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(drawn_s, 2),
        "trustworthiness": round(trust, 4),
        "neighbours_kept": round(kept, 4),
        "drawn_titles": [(key[0], key[2]) for key in points.keys],
        "placed_since": 0,
    }
    return _assembled(name, unit, points, (middle_D, turn_DR, centres), reduced, places, facts)


def _extended(old: DrawnMap, points: Points, progress: Progress) -> DrawnMap:
    """The map with titles that went taken off and new ones placed among the rest."""
    stay = {key for key in points.keys if key in set(old.keys)}
    kept_rows = old.rows_of([key for key in points.keys if key in stay])
    there = np.repeat([key in stay for key in points.keys], [key[1] for key in points.keys])
    places = np.full((len(there), 2), np.nan, np.float32)
    reduced = np.zeros((len(there), old.turn.shape[1]), np.float32)
    places[there], reduced[there] = old.places[kept_rows], old.reduced[kept_rows]
    new = np.flatnonzero(~there & points.known)
    progress.start("map", len(new), "new points")
    reduced[new] = (points.rows[new] - old.middle) @ old.turn
    placed = there & np.isfinite(places[:, 0])
    places[new] = place_among(reduced[placed], places[placed], reduced[new])
    progress.advance(len(new))
    progress.end()
    known = np.isfinite(places[:, 0])
    trust, kept = truth(reduced[known], places[known], neighbours_of(int(known.sum())))
    fresh = _placed(points.keys, old.facts["drawn_titles"])
    facts = {
        **old.facts,
        "trustworthiness": round(trust, 4),
        "neighbours_kept": round(kept, 4),
        "placed_since": fresh,
    }
    making = (old.middle, old.turn, old.centres)
    return _assembled(old.name, old.unit, points, making, reduced[known], places[known], facts)


def _placed(keys: Sequence[Key], drawn_titles: Sequence[Sequence[object]]) -> int:
    """Points of titles that were not there, or not so written, when the map was drawn."""
    first = {(title, revision) for title, revision in drawn_titles}
    return sum(key[1] for key in keys if (key[0], key[2]) not in first)


def _assembled(
    name: str,
    unit: MapUnit,
    points: Points,
    making: tuple[FloatArray, FloatArray, FloatArray],
    reduced: FloatArray,
    places: FloatArray,
    facts: dict[str, object],
) -> DrawnMap:
    """A map of all points; reduced, places: rows of those that have a vector."""
    middle_D, turn_DR, centres_CR = making
    known, n = points.known, len(points.rows)
    positions = np.full((n, 2), np.nan, np.float32)
    rows = np.zeros((n, turn_DR.shape[1]), np.float32)
    clusters = np.full(n, NOWHERE, np.int16)
    positions[known], rows[known], clusters[known] = places, reduced, assign(reduced, centres_CR)
    drawn = DrawnMap(
        name=name,
        unit=unit,
        fingerprint=points.fingerprint,
        keys=points.keys,
        places=positions,
        cluster=clusters,
        start_s=points.start_s,
        clusters=[],
        reduced=rows,
        turn=turn_DR,
        middle=middle_D,
        centres=centres_CR,
        facts=facts,
    )
    return replace(drawn, clusters=describe(clusters, rows, centres_CR, points.keys, points.lines))
