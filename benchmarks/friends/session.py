"""One sitting: measures rows one by one, each thing done once and kept under OUT, and tells the time it took."""

import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
from bench import Bench, Judged
from rows import Row, recipe_of
from runs import Run, Runs
from series import Friends, Split
from supervised import TEACHING, supervise
from vectors import embedded, training_stats, trivial, untrained

from mediafm.config import Recipe
from mediafm.embed import Embedder
from mediafm.model import Checkpoint
from mediafm.model.folder import ORIGIN, read_json

Only = Literal["all", "train", "probe", "report"]


class Session:
    """`only`: "train" pretrains and probes nothing, "probe" probes what is trained, "report" takes what is kept."""

    def __init__(self, data: Path, out: Path, split: Split, settings: Sequence[str], only: Only) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        with self._clock("load"):
            self.friends = Friends(data, out / "text.npy")
            self.bench = Bench(self.friends, split, out / "probes")
        self.runs = Runs(out / "runs", self.friends)
        self.split, self.only = split, only
        self._settings = (*settings, *split.settings)  # no setting lifts the rule of what is seen
        self._began = time.monotonic()

    def measure(self, row: Row, seed: int) -> Judged | None:
        """The row's result, None where it is not there yet and not to be made in this sitting."""
        if row.source in ("chance", "trivial"):
            return self._trivial(row)
        recipe = recipe_of(row, self._settings, seed)
        if row.source == "supervised":
            return self._supervised(recipe)
        return self._untrained(row, recipe) if row.source == "untrained" else self._pretrained(row, recipe)

    def run_of(self, row: Row, seed: int) -> Run | None:
        """The finished run behind a pretrained row."""
        return self.runs.find(recipe_of(row, self._settings, seed)) if row.source == "pretrained" else None

    def say(self, words: str) -> None:
        """A line on stderr, with the seconds since the sitting began."""
        print(f"[{time.monotonic() - self._began:6.0f} s] {words}", file=sys.stderr, flush=True)

    def _trivial(self, row: Row) -> Judged | None:
        key, recipe = f"trivial/{row.name}", recipe_of(row, self._settings, 0)
        of = f"{row.name}, centring {recipe.fusion.centring}"
        if (found := self.bench.cached(key, of)) or self.only in ("train", "report"):
            return found
        if row.source == "chance":
            return self.bench.judge(key, of, np.zeros(self.bench.held_out.rows.truth.shape, np.float32), 0, {})
        stats = training_stats(self.friends, self.split, recipe)
        return self._probe(row, key, of, lambda: trivial(self.friends, stats, self.bench.titles, row.feature))

    def _untrained(self, row: Row, recipe: Recipe) -> Judged | None:
        checkpoint = untrained(self.friends, training_stats(self.friends, self.split, recipe), recipe)
        return self._read_out(
            row, recipe, f"untrained/{checkpoint.fingerprint[:12]}", checkpoint.fingerprint, checkpoint
        )

    def _pretrained(self, row: Row, recipe: Recipe) -> Judged | None:
        run = self.runs.find(recipe)
        if run is None:
            if self.only in ("probe", "report"):
                return None
            self.say(f"{row.name}, seed {recipe.run.seed}: pretraining")
            with self._clock("train"):
                run = self.runs.train(recipe)
            self.say(f"{row.name}, seed {recipe.run.seed}: msm {run.result['msm']:.4f}, {run.result['seconds']:.0f} s")
        fingerprint = read_json(run.folder / ORIGIN)["fingerprint"]
        return self._read_out(row, recipe, run.folder.name, fingerprint, run.folder)

    def _read_out(
        self, row: Row, recipe: Recipe, key: str, fingerprint: str, checkpoint: Path | Checkpoint
    ) -> Judged | None:
        readout = row.readout or recipe.model.readout
        key = f"{key}/{'+'.join(readout)}" + ("" if row.context == "title" else "-alone")
        if (found := self.bench.cached(key, fingerprint)) or self.only in ("train", "report"):
            return found

        def vectors() -> np.ndarray:
            held = checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint.load(checkpoint)
            return embedded(self.friends, Embedder(held, readout), self.bench.titles, row.context)

        return self._probe(row, key, fingerprint, vectors)

    def _probe(self, row: Row, key: str, of: str, vectors: Any) -> Judged:
        with self._clock("judge"):
            judged = self.bench.probe(key, of, vectors)
        took = {part: judged.facts[f"{part}_seconds"] for part in ("vector", "fit")}
        for part, seconds in took.items():
            self.seconds[part] += seconds
        self.seconds["judge"] -= sum(took.values())
        self.say(f"{row.name}: {judged.dim} numbers, vectors {took['vector']:.1f} s, probe {took['fit']:.1f} s")
        return judged

    def _supervised(self, recipe: Recipe) -> Judged | None:
        told = recipe.model_dump(include={"model", "fusion", "optimizer"})
        del told["model"]["readout"]
        of = sha256(f"{told}{asdict(TEACHING)}{recipe.run.seed}".encode()).hexdigest()
        key = f"supervised/{of[:12]}"
        if (found := self.bench.cached(key, of)) or self.only in ("train", "report"):
            return found
        stats = training_stats(self.friends, self.split, recipe)
        self.say(f"supervised, seed {recipe.run.seed}: training on the labels")
        with self._clock("supervise"):
            logits_NL, facts = supervise(self.friends, self.bench, stats, recipe)
        self.say(f"supervised, seed {recipe.run.seed}: best after {facts['best_epoch']} epochs")
        return self.bench.judge(key, of, logits_NL, 0, facts)

    @contextmanager
    def _clock(self, part: str) -> Any:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[part] += time.monotonic() - began
