from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cosine_similarity

from mediafm.config import ObjectiveRecipe
from mediafm.model import ShotTransformer, ShotTransformerConfig, cosine_distance
from mediafm.train.learner import Learner, Micro
from mediafm.train.surroundings import most_alike_neighbour, surroundings

LENGTHS = [11, 4, 1]
OBJECTIVES = [
    {},
    {"loss": "l2"},
    {"loss": "smooth_l1"},
    {"loss": "infonce"},
    {"visible": 0.5},
    {"surround": 0.5},
    {"targets": "average"},
]


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make_micro() -> Micro:
    fused, masked = randn(16, 10), torch.zeros(16, dtype=torch.bool)
    scored = torch.tensor([1, 5, 6, 12])
    masked[scored[:3]] = True
    visible = torch.tensor([i for i in range(16) if i not in scored.tolist()])
    owner = torch.repeat_interleave(torch.arange(3), torch.tensor(LENGTHS))
    times = torch.arange(16.0)[:, None] + torch.tensor([0.0, 1.0])
    return Micro(LENGTHS, fused, fused, masked, scored, visible, None, randn(3, 6), times, owner)


def make_learner(dropout: float = 0.0, **objective: object) -> Learner:
    shape = {"hidden": 16, "layers": 2, "heads": 2, "max_shots": 20, "dropout": dropout}
    config = ShotTransformerConfig(blocks=(4, 6), global_dim=6, **shape)
    generator = torch.Generator().manual_seed(0)
    recipe = ObjectiveRecipe(**{"surround": 0, **objective})
    return Learner(ShotTransformer(config, generator), recipe, torch.ones(10), generator)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_no_objective_lets_a_hidden_shot_leak_into_its_prediction(objective: dict[str, object]) -> None:
    """The input has no gradient at hidden shots, whatever is asked; targets are a copy."""
    learner, micro = make_learner(**objective), make_micro()
    shown = micro.input_ND.clone().requires_grad_()
    cost = learner.masked(replace(micro, input_ND=shown))
    (gradient,) = torch.autograd.grad(cost.objective, shown)
    assert (gradient[micro.masked_N] == 0).all()
    assert gradient.abs().sum() > 0
    assert cost.count == 4


def test_the_published_objective_is_cosine_distance_at_scored_shots() -> None:
    learner, micro = make_learner(), make_micro()
    cost = learner.masked(micro)
    found = learner.model.encode(micro.input_ND, LENGTHS, micro.masked_N, micro.global_BG)
    predicted = learner.model.head(found.shots_NH)[micro.scored_K]
    expected = cosine_distance(predicted, micro.target_ND[micro.scored_K]).sum()
    torch.testing.assert_close(cost.objective, expected)
    torch.testing.assert_close(cost.distance, expected.detach())


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_every_objective_can_be_learned(objective: dict[str, object]) -> None:
    learner, micro = make_learner(**objective), make_micro()
    optimizer = torch.optim.Adam([p for p in learner.parameters() if p.requires_grad], lr=0.01)
    costs = []
    for _ in range(60):
        cost = learner.masked(micro)
        optimizer.zero_grad()
        cost.objective.backward()
        optimizer.step()
        learner.update_average()
        costs.append((float(cost.objective.detach()), float(cost.distance)))
    assert costs[-1][0] < 0.6 * costs[0][0]
    assert costs[-1][1] < 0.6 * costs[0][1]


def test_the_average_follows_slowly_and_has_no_gradient() -> None:
    learner = make_learner(targets="average", average_decay=0.9)
    before = learner.average.head.weight.clone()
    with torch.no_grad():
        learner.model.head.weight += 1
    learner.update_average()
    torch.testing.assert_close(learner.average.head.weight, before + 0.1)
    learner.masked(make_micro()).objective.backward()
    assert all(p.grad is None for p in learner.average.parameters())


def test_targets_of_the_average_know_no_dropout() -> None:
    learner = make_learner(dropout=0.5, targets="average").train()
    assert learner.model.training and not learner.average.training
    seen = [learner.average.encode(make_micro().input_ND, LENGTHS).shots_NH for _ in range(2)]
    assert torch.equal(*seen)


def test_the_contrastive_stage_leaves_out_shots_without_features() -> None:
    learner, micro = make_learner(contrastive=0.5), make_micro()
    silent = torch.arange(16) % 4 == 1
    target = torch.where(silent[:, None], 0.0, micro.target_ND)
    cost = learner.contrast(replace(micro, target_ND=target))
    left = [int((~silent)[:11].sum()), int((~silent)[11:15].sum()), int((~silent)[15:].sum())]
    rest = replace(
        micro, lengths=left, target_ND=target[~silent], sequence_N=micro.sequence_N[~silent],
        times_N2=micro.times_N2[~silent],
    )  # fmt: skip
    expected = learner.contrast(rest)
    assert cost.count == expected.count == 12
    torch.testing.assert_close(cost.objective, expected.objective)


def test_the_contrastive_stage_sees_each_shot_alone() -> None:
    learner, micro = make_learner(contrastive=0.5), make_micro()
    cost = learner.contrast(micro)
    assert (float(cost.distance), cost.count) == (0, 16)
    cost.objective.backward()
    assert learner.model.shot_in.weight.grad.abs().sum() > 0
    assert learner.model.head.weight.grad is None


def test_surroundings_of_a_counted_sequence() -> None:
    fused = torch.arange(1.0, 13.0)[:, None].expand(-1, 2).contiguous()
    owner = torch.tensor([0] * 11 + [1])
    found = surroundings(fused, owner)[:, :, 0]
    torch.testing.assert_close(found[0], torch.tensor([0.0, 2.0, 0.0, 5.5]))  # 2 .. 9 come after 1
    torch.testing.assert_close(found[5], torch.tensor([5.0, 7.0, 3.0, 9.0]))
    torch.testing.assert_close(found[10], torch.tensor([10.0, 0.0, 6.5, 0.0]))
    assert (found[11] == 0).all()


def test_the_most_alike_neighbour_by_brute_force() -> None:
    fused, owner = randn(30, 5), torch.tensor([0] * 20 + [1] * 9 + [2])
    found = most_alike_neighbour(fused, owner)
    for i in range(29):
        near = [j for j in range(30) if 0 < abs(i - j) <= 4 and owner[i] == owner[j]]
        best = max(near, key=lambda j: float(cosine_similarity(fused[i], fused[j], dim=0)))
        assert found[i] == best
    assert found[29] == 29
