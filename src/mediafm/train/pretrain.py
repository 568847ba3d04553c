"""Masked Shot Modeling over a catalog: from a recipe to a checkpoint."""

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from pathlib import Path

import torch

from mediafm import __version__
from mediafm.config import Recipe
from mediafm.errors import UsageError
from mediafm.fusion import FusionSpec, FusionStats
from mediafm.model.folder import replace_file
from mediafm.progress import SILENT, Progress
from mediafm.sequences import FeatureCache, FeatureSource, encoder_facts
from mediafm.train.advice import check_recipe
from mediafm.train.distributed import World
from mediafm.train.run import STATE, PretrainResult, Run
from mediafm.train.runtime import Runtime, make_runtime
from mediafm.train.split import Split, choose_split
from mediafm.train.state import State, load_state
from mediafm.train.trainer import Trainer
from mediafm.train.validation import Validation
from mediafm.types import Modality

RECIPE = "recipe.toml"


def pretrain(
    catalog: FeatureSource,
    out: str | Path,
    recipe: Recipe,
    resume: bool = False,
    progress: Progress = SILENT,
    stop: Callable[[], bool] = lambda: False,
) -> PretrainResult:
    """Train a shot transformer on all titles of a catalog and write a checkpoint, metrics and a picture to `out`.

    The weights kept are those with the lowest loss on validation titles. Ctrl-C, or `stop` returning True, ends the
    run after the step in progress; `resume` goes on from the last saved state, on the CPU to the same bytes as a run
    that was never interrupted. UsageError for a folder in use or another recipe or catalog than the run began with;
    TrainingError for too little data or a loss that is not finite.
    """
    out = Path(out)
    state = _open_run(out, resume)
    runtime = make_runtime(recipe.run)
    with World.from_environment(runtime.device) as world:
        runtime = replace(runtime, device=world.device)
        return _prepare(catalog, out, recipe, runtime, world, state, progress).go(state, stop)


def _prepare(
    catalog: FeatureSource,
    out: Path,
    recipe: Recipe,
    runtime: Runtime,
    world: World,
    state: State | None,
    progress: Progress,
) -> Run:
    """All that a run needs, checked before the first step. Only the main process writes and reports."""
    cache = FeatureCache.open(catalog, progress=progress if world.main else SILENT)
    if state is not None:
        _check_same(state, recipe, cache, out)
    split = choose_split(cache, recipe.data)
    stats = _fit_stats(cache, split, recipe, world)
    trainer = Trainer(cache, stats, split.training, recipe, runtime, world)
    advice = _advice(split, stats, recipe, sum(p.numel() for p in trainer.model.parameters()), world.size)
    world.barrier()  # every process has seen the folder as it was
    if world.main:
        replace_file(out / RECIPE, recipe.to_toml().encode())  # from here on the folder is a run
    validation = Validation(cache, stats, split.validation, recipe.data.window, recipe.data.micro_shots, world)
    origin = {
        "catalog": {"fingerprint": cache.fingerprint, "titles": len(split.training), "shots": trainer.shots},
        "preset": catalog.spec.preset,
        "detector": catalog.spec.detector,
        "encoders": encoder_facts(catalog),
        "recipe": recipe.model_dump(mode="json"),
        "seed": recipe.run.seed,
        "planned_steps": trainer.steps,
        "versions": {"mediafm": __version__, "torch": torch.__version__},
    }
    return Run(out, trainer, validation, stats, origin, advice, progress if world.main else SILENT)


def _fit_stats(cache: FeatureCache, split: Split, recipe: Recipe, world: World) -> FusionStats:
    """Of all training titles; each process reads its share of them."""
    spec = FusionSpec(_dims(cache, recipe), recipe.fusion.centring)
    own = FusionStats.of_part(cache.iter_features(world.share(split.training)), spec)
    parts = {name: world.gather(torch.from_numpy(a).to(world.device)).cpu() for name, a in own.to_arrays().items()}
    ranks = [{name: part[rank].numpy() for name, part in parts.items()} for rank in range(world.size)]
    return reduce(FusionStats.merge, (FusionStats.from_arrays(arrays, own.to_meta()) for arrays in ranks)).checked()


def _dims(cache: FeatureCache, recipe: Recipe) -> dict[Modality, int]:
    """Sizes of the modalities that the model is told."""
    told = recipe.fusion.modalities
    if missing := [modality for modality in told if modality not in cache.dims]:
        raise UsageError(
            f"The recipe asks for {missing[0]} (fusion.modalities), which this catalog has no encoder for.",
            f"It has {', '.join(cache.dims)}.",
        )
    return {modality: dim for modality, dim in cache.dims.items() if not told or modality in told}


def _advice(split: Split, stats: FusionStats, recipe: Recipe, parameters: int, processes: int) -> list[str]:
    present = {modality: moments.count for modality, moments in stats.moments.items()}
    lengths = [len(span) for span in split.training]
    return check_recipe(
        recipe, len(lengths), sum(lengths), stats.spec.dims, parameters,
        longest=max(lengths), present=present, processes=processes,
    )  # fmt: skip


def _open_run(out: Path, resume: bool) -> State | None:
    """The state to go on from, None to begin. The folder is new, empty or, to resume, a run's."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file.", "Name a folder for the run.")
    used = out.is_dir() and any(out.iterdir())
    if used and not (out / RECIPE).is_file():
        raise UsageError(f"{out} holds other things than a pretraining run.", "Name a new folder.")
    if used and not resume:
        raise UsageError(f"{out} holds a run already.", "Go on with it by --resume, or name another folder.")
    return load_state(out / STATE)


def _check_same(state: State, recipe: Recipe, cache: FeatureCache, out: Path) -> None:
    """UsageError unless the state was saved under this recipe and catalog."""
    now = recipe.model_dump(mode="json")
    changed = [
        f"{section}.{key} = {state.recipe.get(section, {}).get(key)!r} then, {value!r} now"
        for section, values in now.items()
        for key, value in values.items()
        if state.recipe.get(section, {}).get(key) != value
    ]
    if changed:
        raise UsageError(
            f"The run in {out} began with another recipe: {'; '.join(changed)}.",
            f"Resume with {out / RECIPE}, or name a new folder.",
        )
    if state.catalog != cache.fingerprint:
        raise UsageError(
            f"The catalog changed since the run in {out} began (fingerprint {state.catalog[:12]} then, "
            f"{cache.fingerprint[:12]} now).",
            "Resume on the catalog it began with, or train anew into a new folder.",
        )
