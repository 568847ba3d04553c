import math

import pytest
import torch
from torch.nn.functional import normalize

from mediafm.model import InfoNce, StandardisedLoss, Targets, cosine_distance, cosine_loss, neighbour_contrast

SEQUENCE = torch.tensor([0, 0, 1, 1, 1])


def randn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_cosine_distance_of_known_pairs() -> None:
    predicted = torch.tensor([[5.0, 0.0], [1.0, 1.0], [-1.0, 0.0], [0.0, 0.0]])
    target = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0], [1.0, 0.0]])
    torch.testing.assert_close(cosine_distance(predicted, target), torch.tensor([0, 1 - 0.5**0.5, 2, 1]))


def test_only_counted_numbers_take_part() -> None:
    predicted = randn(5, 6).requires_grad_()
    counted = torch.tensor([[True] * 4 + [False] * 2] * 5)
    target = randn(5, 6, seed=1)
    for loss in (cosine_loss, StandardisedLoss(torch.ones(6), smooth=True), InfoNce(0.1, "both")):
        values = loss(predicted, Targets(target, counted, SEQUENCE))
        (gradient,) = torch.autograd.grad(values.sum(), predicted)
        assert (gradient[:, 4:] == 0).all()
        assert (gradient[:, :4] != 0).any(dim=1).all()
    torch.testing.assert_close(
        cosine_loss(predicted, Targets(target, counted, SEQUENCE)), cosine_distance(predicted[:, :4], target[:, :4])
    )


def test_standardised_losses_measure_in_deviations() -> None:
    deviation, target = torch.tensor([0.1, 10.0]), torch.zeros(1, 2)
    targets = Targets(target, None, torch.zeros(1))
    predicted = deviation[None] * torch.tensor([[1.0, -3.0]])
    assert StandardisedLoss(deviation, smooth=False)(predicted, targets).item() == pytest.approx((1 + 9) / 2)
    assert StandardisedLoss(deviation, smooth=True)(predicted, targets).item() == pytest.approx((0.5 + 2.5) / 2)


@pytest.mark.parametrize("negatives", ["title", "batch", "both"])
def test_infonce_against_its_definition(negatives: str) -> None:
    predicted, target = randn(5, 8), randn(5, 8, seed=1)
    found = InfoNce(0.2, negatives)(predicted, Targets(target, None, SEQUENCE))
    similar = (normalize(predicted, dim=1) @ normalize(target, dim=1).T / 0.2).double()
    for row in range(5):
        own = SEQUENCE[row] == SEQUENCE
        others = {"title": own, "batch": ~own, "both": torch.ones(5, dtype=torch.bool)}[negatives].clone()
        others[row] = True
        expected = similar[row][others].logsumexp(0) - similar[row, row]
        assert found[row].item() == pytest.approx(expected.item(), abs=1e-5)


def test_infonce_compares_every_target_in_the_numbers_that_count_for_the_prediction() -> None:
    predicted, target = randn(5, 6), randn(5, 6, seed=1)
    counted = torch.ones(5, 6, dtype=torch.bool)
    counted[0, :2], counted[3, 2:] = False, False
    found = InfoNce(0.2, "both")(predicted, Targets(target, counted, SEQUENCE))
    for row in range(5):
        of_row = [torch.cosine_similarity(predicted[row][counted[row]], t[counted[row]], dim=0) for t in target]
        expected = (torch.stack(of_row) / 0.2).logsumexp(0) - of_row[row] / 0.2
        assert found[row].item() == pytest.approx(expected.item(), abs=1e-5)


def test_neighbour_contrast_is_low_for_neighbours_alike_and_zero_for_the_lonely() -> None:
    states = normalize(randn(6, 16), dim=1)
    neighbour = torch.tensor([1, 0, 3, 2, 5, 4])
    paired = states.clone()
    paired[1::2] = states[::2]
    assert neighbour_contrast(paired, neighbour, 0.05).max() < 0.05
    assert neighbour_contrast(states, neighbour, 1.0).mean() == pytest.approx(math.log(5), abs=0.5)
    alone = neighbour.clone()
    alone[4] = 4
    assert neighbour_contrast(states, alone, 0.1)[4] == 0
