"""What is seen inside one title, kept for as long as what it was made of stays the same."""

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from mediafm.catalog import EmbeddingSetSpec, TitleRecord
from mediafm.errors import CatalogError, UsageError
from mediafm.probes.saved import SavedProbe
from mediafm.serve.kept import Kept
from mediafm.serve.library import Library
from mediafm.serve.likeness import Rows, read_rows
from mediafm.serve.replies import untold
from mediafm.serve.tags import ProbeFolder, ProbeState, title_tags
from mediafm.serve.title_forms import FeatureSet, TitleProbe, TitleTag, TitleTags
from mediafm.uses.chapters import HowMany, TitleChapters, find_chapters
from mediafm.uses.titles import read_shots

T = TypeVar("T")
CONCAT = "concat"
_VECTORS_BYTES, _OTHER_BYTES = 128 << 20, 32 << 20
_MOST_REMEMBERED = 100_000
_NO_PROBES = ("The service has no saved probes.", "Serve with --probes DIR; `mediafm probe --out DIR/NAME` fits some.")


class Inside:
    """Looks inside the titles of a library. Used by many threads."""

    def __init__(self, library: Library, probes: Path | None) -> None:
        self.library, self.folder = library, ProbeFolder(probes)
        self._vectors, self._other = Kept(_VECTORS_BYTES), Kept(_OTHER_BYTES)
        self._covered: set[Hashable] = set()

    def mark(self, record: TitleRecord, *more: Hashable) -> str:
        """Another one whenever what is known of a title's vectors may be: names an answer for browsers and memory.

        Features of the catalog's own are standardised over all titles, so all titles count.
        """
        sets = [(s.name, s.space, self._covers(record, s)) for s in self.library.catalog.embedding_sets()]
        facts = (self.library.version(), record.title_id, record.revision, record.n_shots, sets, more)
        return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]

    def tags(self, record: TitleRecord, asked: str) -> tuple[str, Callable[[], bytes]]:
        """(Mark, how to have `TitleTags` as JSON). UsageError for a feature set that no probe looks at."""
        probes, unreadable, stamp = self.folder.probes()
        if asked and asked not in {probe.features for probe in probes}:
            known = ", ".join(dict.fromkeys(probe.features for probe in probes)) or "none"
            raise UsageError(f"No probe looks at {asked!r}.", f"Probes look at {known}.")
        mark = self.mark(record, "tags", stamp, asked)

        def make() -> bytes:
            shots = read_shots(self.library.catalog, record.title_id)
            found, states = title_tags(self.library.catalog, shots, probes, asked)
            told = [TitleProbe.of(self._without_place(state)) for state in [*states, *unreadable]]
            why_not, remedy = ("", "") if told else _NO_PROBES
            tags = [TitleTag.of(tag) for tag in found]
            return (
                TitleTags(
                    title=record.title_id, shots=record.n_shots, tags=tags, probes=told, why_not=why_not, remedy=remedy
                )
                .model_dump_json()
                .encode()
            )

        return mark, lambda: self._other.get(mark, make, len)

    def rows(self, record: TitleRecord, name: str) -> Rows:
        """A title's shots under a name, as unit rows."""
        mark = self.mark(record, "rows", name)
        return self._vectors.get(
            mark, lambda: read_rows(self.library.catalog, record, name), lambda rows: rows.vectors.nbytes
        )

    def chapters(
        self, record: TitleRecord, features: str, how_many: HowMany, probe: SavedProbe | None
    ) -> tuple[str, Callable[[], TitleChapters]]:
        """(Mark, how to have them): by the features named, else by the first that cover the catalog, context first."""
        stamp = "" if probe is None else f"{probe.task.name}:{probe.features}:{self.folder.probes()[2]}"
        mark = self.mark(record, "chapters", features, how_many, stamp)

        def make() -> TitleChapters:
            if features or probe is not None:
                return self._chapters(record, features, how_many, probe)
            for name in self.in_context():
                try:
                    return self._chapters(record, name, how_many, None)
                except CatalogError:
                    continue  # it does not cover every title yet
            return self._chapters(record, CONCAT, how_many, None)

        return mark, lambda: self._other.get(mark, make, lambda found: 1024 * (1 + len(found.chapters)))

    def probe(self, task: str) -> SavedProbe:
        """The saved probe of a task: of the features that are shown first. UsageError where there is none."""
        found = [probe for probe in self.folder.probes()[0] if probe.task.name == task]
        if not found:
            known = ", ".join(sorted({probe.task.name for probe in self.folder.probes()[0]})) or "none"
            raise UsageError(f"There is no probe of the task {task!r}.", f"There are {known}.")
        names = [*self.in_context(), CONCAT]
        return min(found, key=lambda p: names.index(p.features) if p.features in names else len(names))

    def in_context(self) -> list[str]:
        """Embedding sets with context that were not mapped from others."""
        return [s.name for s in self.library.catalog.embedding_sets() if s.context != "none" and not s.mapped]

    def sets(self, record: TitleRecord) -> list[FeatureSet]:
        """All that the shots of a title can be compared by."""
        spec = self.library.catalog.spec
        made = [self._of_set(record, one) for one in self.library.catalog.embedding_sets()]
        own: list[FeatureSet] = []
        for name, dim in ((CONCAT, sum(spec.dims.values())), *spec.dims.items()):
            prints = "+".join(spec.fingerprints.values()) if name == CONCAT else spec.fingerprints[name]  # type: ignore[index]
            there = record.n_shots > 0 and (name == CONCAT or bool(getattr(record, f"has_{name}")))
            own.append(
                FeatureSet(
                    name=name, kind="concat" if name == CONCAT else "modality", context="none", dim=dim, made_by=prints,
                    covers=there, why_not="" if there else f"The title has no {name}.", remedy="",
                )
            )  # fmt: skip
        return [*made, *own]

    def _of_set(self, record: TitleRecord, spec: EmbeddingSetSpec) -> FeatureSet:
        covers = self._covers(record, spec)
        remedy = "`mediafm embed --catalog CATALOG --model RUN` makes it, with the model of the set."
        return FeatureSet(
            name=spec.name, kind="set", context=spec.context, dim=spec.dim, made_by=spec.checkpoint_fingerprint,
            covers=covers, why_not="" if covers else f"{spec.name} does not cover this title as it is stored now.",
            remedy="" if covers else remedy,
        )  # fmt: skip

    def _covers(self, record: TitleRecord, spec: EmbeddingSetSpec) -> bool:
        """Whether a set has vectors of a title; that it has is remembered, that it has not is looked at each time."""
        key = (record.title_id, record.revision, record.n_shots, spec.name, spec.space)
        if key in self._covered:
            return True
        covers = len(self.library.catalog.kept_embeddings(spec.name, record.title_id)) >= record.n_shots > 0
        if covers:
            if len(self._covered) >= _MOST_REMEMBERED:
                self._covered.clear()
            self._covered.add(key)
        return covers

    def _chapters(
        self, record: TitleRecord, features: str, how_many: HowMany, probe: SavedProbe | None
    ) -> TitleChapters:
        (found,) = find_chapters(self.library.catalog, [record.title_id], features or None, how_many, probe)
        return found

    def _without_place(self, state: ProbeState) -> ProbeState:
        uri = self.library.catalog.uri
        return replace(state, why_not=untold(state.why_not, uri), remedy=untold(state.remedy, uri))
