import math

import pytest
import torch

from mediafm.train.muon import COEFFICIENTS, Muon, newton_schulz

SHAPES = [(24, 24), (24, 24), (96, 24), (24, 96), (7, 5)]


def draws(seed: int, shapes=SHAPES) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=generator) for shape in shapes]


def orthogonal64(matrix: torch.Tensor) -> torch.Tensor:
    """The quintic applied to singular values, in float64: what five steps do, without any matrix iteration."""
    u, s, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    s = s / s.norm()
    for _ in range(5):
        s = COEFFICIENTS[0] * s + COEFFICIENTS[1] * s**3 + COEFFICIENTS[2] * s**5
    return u * s @ v


@pytest.mark.parametrize("shape", SHAPES)
def test_newton_schulz_is_the_quintic_on_singular_values(shape: tuple[int, int]) -> None:
    (matrix,) = draws(0, [shape])
    result = newton_schulz(matrix[None])[0]
    torch.testing.assert_close(result.double(), orthogonal64(matrix), atol=1e-4, rtol=0)
    values = torch.linalg.svdvals(result)
    assert values.min() > 0.3
    assert values.max() < 1.3


def test_steps_equal_a_float64_reference() -> None:
    rate, momentum, decay = 0.02, 0.9, 0.1
    parameters = [torch.nn.Parameter(p) for p in draws(0)]
    reference = [p.detach().double() for p in parameters]
    buffers = [torch.zeros_like(p) for p in reference]
    optimizer = Muon(parameters, rate, momentum, decay)
    for step in range(6):
        for i, gradient in enumerate(draws(10 + step)):
            parameters[i].grad = gradient
            buffers[i] = momentum * buffers[i] + (1 - momentum) * gradient.double()
            update = (1 - momentum) * gradient.double() + momentum * buffers[i]
            scale = 0.2 * math.sqrt(max(gradient.shape))
            reference[i] = (1 - rate * decay) * reference[i] - rate * scale * orthogonal64(update)
        optimizer.step()
    for ours, theirs in zip(parameters, reference, strict=True):
        torch.testing.assert_close(ours.detach().double(), theirs, atol=1e-4, rtol=0)


def test_equals_torch_muon_within_bfloat16_error() -> None:
    ours, theirs = ([torch.nn.Parameter(p) for p in draws(0)] for _ in range(2))
    start = draws(0)
    mine = Muon(ours, lr=0.01, momentum=0.95, weight_decay=0.1)
    torchs = torch.optim.Muon(theirs, lr=0.01, momentum=0.95, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for step in range(3):
        for a, b, gradient in zip(ours, theirs, draws(20 + step), strict=True):
            a.grad, b.grad = gradient, gradient.clone()
        mine.step()
        torchs.step()
    for a, b, before in zip(ours, theirs, start, strict=True):
        moved = (b - before).norm()
        assert (a - b).norm() < 0.05 * moved  # bfloat16 has 8 bits


def test_stacked_matrices_are_taken_one_by_one() -> None:
    parts = draws(0, [(8, 8)] * 3)
    gradients = draws(1, [(8, 8)] * 3)
    stacked = torch.nn.Parameter(torch.cat(parts))
    stacked.grad = torch.cat(gradients)
    single = [torch.nn.Parameter(p) for p in parts]
    for parameter, gradient in zip(single, gradients, strict=True):
        parameter.grad = gradient
    Muon([{"params": [stacked], "stacked": 3}], lr=0.1).step()
    Muon(single, lr=0.1).step()
    torch.testing.assert_close(stacked.detach(), torch.cat([p.detach() for p in single]), atol=1e-6, rtol=0)


def test_update_has_the_size_of_adamw() -> None:
    (parameter,) = (torch.nn.Parameter(torch.zeros(256, 64)),)
    parameter.grad = draws(0, [(256, 64)])[0]
    Muon([parameter], lr=1.0).step()
    assert parameter.detach().square().mean().sqrt().item() == pytest.approx(0.2, rel=0.15)


def test_zero_gradients_leave_weights_finite() -> None:
    parameter = torch.nn.Parameter(torch.ones(4, 6))
    parameter.grad = torch.zeros(4, 6)
    Muon([parameter], lr=0.1, weight_decay=0.0).step()
    assert torch.equal(parameter.detach(), torch.ones(4, 6))


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(5,\)"):
        Muon([torch.nn.Parameter(torch.zeros(5))], lr=0.1)
    with pytest.raises(ValueError, match="divide into 3"):
        Muon([{"params": [torch.nn.Parameter(torch.zeros(8, 8))], "stacked": 3}], lr=0.1)
