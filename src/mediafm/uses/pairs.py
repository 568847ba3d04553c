"""Paired rows: the same shots under an old and a new name, of one catalog or of two that hold the same titles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import CatalogError, UsageError
from mediafm.fusion import unit_rows
from mediafm.probes.units import overlap_weights
from mediafm.types import FloatArray
from mediafm.uses.naming import NamedVectors, require_titles

SAME_S = 0.05  # shots whose borders differ by less are the same shots
FEWEST_TITLES = 3  # one to learn from, one to choose by, one to judge


@dataclass(frozen=True)
class Pairs:
    """The titles that both names cover, and their rows at the new side's shots."""

    old: NamedVectors
    new: NamedVectors
    titles: list[str]

    @property
    def one_catalog(self) -> bool:
        """Whether both names are of one catalog, so that shots are the same."""
        return self.old.catalog is self.new.catalog

    def rows(self, titles: Sequence[str]) -> Iterator[tuple[str, FloatArray, FloatArray]]:
        """(title, old [n, D], new [n, E]): unit rows; where two catalogs cut differently, old vectors by overlap."""
        both = zip(self.old.shots(titles), self.new.shots(titles), strict=True)
        for (title, old_mD), (_, new_nE) in both:
            yield title, old_mD if self.one_catalog else self._at_new_shots(title, old_mD), new_nE

    def stacked(self, titles: Sequence[str]) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
        """All rows that are there on both sides, one title under the other, and whose they are (number in titles)."""
        old, new, of = [], [], []
        for number, (_, old_nD, new_nE) in enumerate(self.rows(titles)):
            there = (np.abs(old_nD).max(axis=1) > 0) & (np.abs(new_nE).max(axis=1) > 0)
            old.append(old_nD[there])
            new.append(new_nE[there])
            of.append(np.full(int(there.sum()), number))
        return np.concatenate(old), np.concatenate(new), np.concatenate(of)

    def _at_new_shots(self, title: str, old_mD: FloatArray) -> FloatArray:
        begin, end = self.old.catalog.spans(title)
        start_s, end_s = self.new.catalog.spans(title)
        if len(begin) == len(start_s) and np.abs(end - end_s).max() < SAME_S:
            return old_mD
        inside = (start_s < end[-1]) & (end_s > begin[0])
        rows = np.zeros((len(start_s), old_mD.shape[1]), np.float32)
        rows[inside] = unit_rows(overlap_weights(begin, end, start_s[inside], end_s[inside]) @ old_mD)
        return rows


def find_pairs(old: NamedVectors, new: NamedVectors) -> Pairs:
    """UsageError where both are the same set, CatalogError where they share too few titles to learn and to judge."""
    if old.catalog is new.catalog and old.name == new.name:
        raise UsageError(f"OLD and NEW are both {old.name!r}.", "Name two sets: from which, and into which.")
    if old.space == new.space:
        raise UsageError(
            f"{old.describe()} and {new.describe()} were made by the same checkpoint or encoder.",
            "Their vectors can be compared as they are; no map is needed.",
        )
    require_titles(old)
    require_titles(new)
    held = set(old.titles)
    titles = [title for title in new.titles if title in held]
    if not titles:
        raise CatalogError(
            f"{old.describe()} and {new.describe()} have no title in common: titles are {old.titles[0]!r} ... in one, "
            f"{new.titles[0]!r} ... in the other.",
            "A map is learned from titles that both hold under the same id.",
        )
    if len(titles) < FEWEST_TITLES:
        raise CatalogError(
            f"{old.describe()} and {new.describe()} share {len(titles)} title{'s' * (len(titles) > 1)}; a map needs "
            f"{FEWEST_TITLES}: to learn from, to choose by, and to judge.",
            "Embed more titles with both.",
        )
    return Pairs(old, new, titles)
