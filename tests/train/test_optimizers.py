import math
from itertools import pairwise
from typing import Any, Literal, get_args, get_origin

import pytest
import torch

from mediafm.config import ModelRecipe, ObjectiveRecipe, OptimizerRecipe, ScheduleRecipe
from mediafm.model import ShotTransformer, ShotTransformerConfig
from mediafm.train import make_optimizers, parameter_groups, rate_factor
from mediafm.train.learner import Learner
from mediafm.train.schedule import cosine_factor


def learner_of(objective: dict[str, Any], **options: Any) -> Learner:
    model = ShotTransformer(ShotTransformerConfig((5, 3, 2), 6, 16, 2, 2, max_shots=8, **options))
    return Learner(model, ObjectiveRecipe(**objective), torch.ones(10), torch.Generator().manual_seed(0))


def choices() -> list[dict[str, Any]]:
    """The default model, and one for each other choice that a recipe offers."""
    fields = ModelRecipe.model_fields.items()
    named = {k: get_args(f.annotation) for k, f in fields if get_origin(f.annotation) is Literal}
    assert len(named) == 6
    return [{}, {"duration_input": True}, *({name: value} for name, values in named.items() for value in values)]


@pytest.mark.parametrize("options", choices(), ids=str)
@pytest.mark.parametrize("hidden", ["muon", "adamw"])
@pytest.mark.parametrize("objective", [{}, {"surround": 0.5, "targets": "average"}], ids=str)
def test_every_parameter_is_in_exactly_one_group(
    options: dict[str, Any], hidden: str, objective: dict[str, Any]
) -> None:
    learner = learner_of(objective, **options)
    learning = {name: p for name, p in learner.named_parameters() if p.requires_grad}
    groups = parameter_groups(learner)
    assert sorted([*groups.hidden, *groups.projections, *groups.plain]) == sorted(learning)
    assert len(groups.hidden) == 2 * 4  # query-key-value, out, up, down of each block
    assert all(name.startswith("model.blocks.") for name in groups.hidden)
    matrices = {f"{n}.weight" for n, m in learner.named_modules() if isinstance(m, torch.nn.Linear)}
    # So that norms, biases, vectors and embeddings are plain.
    assert {*groups.hidden, *groups.projections} == matrices & learning.keys()
    optimizers = make_optimizers(learner, OptimizerRecipe(hidden=hidden))
    held = [p for o in optimizers.values() for g in o.param_groups for p in g["params"]]
    assert sorted(map(id, held)) == sorted(id(p) for p in learning.values())
    if hidden == "muon":
        muon = {id(p): g["stacked"] for g in optimizers["muon"].param_groups for p in g["params"]}
        assert muon == {id(p): learner.hidden_matrices()[name] for name, p in groups.hidden.items()}


def test_plain_parameters_do_not_decay() -> None:
    learner = learner_of({}, positions="learned", projection="late")
    optimizers = make_optimizers(learner, OptimizerRecipe(weight_decay=0.1))
    plain = {id(p) for p in parameter_groups(learner).plain.values()}
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            assert all((group["weight_decay"] == 0) == (id(p) in plain) for p in group["params"])


@pytest.mark.parametrize("shape", ["linear", "sqrt"])
def test_rate_rises_stays_and_falls(shape: str) -> None:
    recipe = ScheduleRecipe(warmup=0.1, decay=0.4, decay_shape=shape)
    factors = [rate_factor(step, 100, recipe) for step in range(100)]
    assert factors[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert factors[10:61] == [1.0] * 51
    assert all(a > b > 0 for a, b in pairwise(factors[60:]))
    middle = 0.5 if shape == "linear" else 1 - 0.5**0.5
    assert factors[80] == pytest.approx(middle)


def test_shortest_runs_have_a_rate() -> None:
    for steps in (1, 2, 3):
        factors = [rate_factor(step, steps, ScheduleRecipe()) for step in range(steps)]
        assert all(0 < factor <= 1 for factor in factors)
    assert rate_factor(0, 5, ScheduleRecipe(warmup=0.0, decay=0.0)) == 1
    assert torch.tensor([rate_factor(s, 10, ScheduleRecipe(warmup=0, decay=1)) for s in range(10)]).min() > 0


def test_cosine_rises_then_falls_along_half_a_wave() -> None:
    factors = [cosine_factor(step, 110, 10 / 110) for step in range(110)]
    assert factors[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert factors[10] == 1 and factors[60] == pytest.approx(0.5) and 0 < factors[-1] < 0.001
    assert factors[35] == pytest.approx(0.5 + 0.5 * math.cos(math.pi / 4))
    assert [cosine_factor(step, 1, 0.0) for step in range(1)] == [1.0]
