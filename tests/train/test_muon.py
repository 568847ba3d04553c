import math
from pathlib import Path

import pytest
import torch

from mediafm.train.muon import COEFFICIENTS, Muon, newton_schulz, newton_schulz_dtype
from ranks import run_ranks

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


@pytest.mark.parametrize("fall", [0.0, 1.0, 3.0])
def test_float32_holds_however_steeply_singular_values_fall(fall: float) -> None:
    (matrix,) = draws(3, [(64, 256)])
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    matrix = u * torch.arange(1, 65) ** -fall @ v
    torch.testing.assert_close(newton_schulz(matrix[None])[0].double(), orthogonal64(matrix), atol=1e-4, rtol=0)


@pytest.mark.parametrize("nesterov", [True, False])
def test_steps_equal_a_float64_reference(nesterov: bool) -> None:
    rate, momentum, decay = 0.02, 0.9, 0.1
    parameters = [torch.nn.Parameter(p) for p in draws(0)]
    reference = [p.detach().double() for p in parameters]
    buffers = [torch.zeros_like(p) for p in reference]
    optimizer = Muon(parameters, rate, momentum, decay, nesterov=nesterov, dtype=torch.float32)
    for step in range(6):
        for i, gradient in enumerate(draws(10 + step)):
            parameters[i].grad = gradient
            buffers[i] = momentum * buffers[i] + (1 - momentum) * gradient.double()
            update = (1 - momentum) * gradient.double() + momentum * buffers[i] if nesterov else buffers[i]
            scale = 0.2 * math.sqrt(max(gradient.shape))
            reference[i] = (1 - rate * decay) * reference[i] - rate * scale * orthogonal64(update)
        optimizer.step()
    for ours, theirs in zip(parameters, reference, strict=True):
        torch.testing.assert_close(ours.detach().double(), theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("nesterov", [True, False])
def test_equals_torch_muon_within_bfloat16_error(dtype: torch.dtype, nesterov: bool) -> None:
    ours, theirs = ([torch.nn.Parameter(p) for p in draws(0)] for _ in range(2))
    start = draws(0)
    options = {"lr": 0.01, "momentum": 0.95, "weight_decay": 0.1, "nesterov": nesterov}
    mine = Muon(ours, dtype=dtype, **options)
    torchs = torch.optim.Muon(theirs, adjust_lr_fn="match_rms_adamw", **options)
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
    Muon([{"params": [stacked], "stacked": 3}], lr=0.1, dtype=torch.float32).step()
    Muon(single, lr=0.1, dtype=torch.float32).step()
    torch.testing.assert_close(stacked.detach(), torch.cat([p.detach() for p in single]), atol=1e-6, rtol=0)


def test_update_has_the_size_of_adamw() -> None:
    (parameter,) = (torch.nn.Parameter(torch.zeros(256, 64)),)
    parameter.grad = draws(0, [(256, 64)])[0]
    Muon([parameter], lr=1.0).step()
    assert parameter.detach().square().mean().sqrt().item() == pytest.approx(0.2, rel=0.15)


def test_decay_shrinks_by_its_share_of_the_rate() -> None:
    parameter = torch.nn.Parameter(torch.ones(4, 6))
    optimizer = Muon([parameter], lr=0.5, weight_decay=0.1)
    for _ in range(3):
        parameter.grad = torch.zeros(4, 6)
        optimizer.step()
    torch.testing.assert_close(parameter.detach(), torch.full((4, 6), 0.95**3))


def test_momentum_is_a_moving_average_and_directions_ignore_the_gradients_size() -> None:
    gradients = draws(5, [(8, 12)] * 4)
    small, large = (torch.nn.Parameter(torch.zeros(8, 12)) for _ in range(2))
    optimizer = Muon([small, large], lr=0.1, momentum=0.75, dtype=torch.float32)
    average = torch.zeros(8, 12)
    for gradient in gradients:
        small.grad, large.grad = gradient, 1000 * gradient
        optimizer.step()
        average = 0.75 * average + 0.25 * gradient
    torch.testing.assert_close(optimizer.state[small]["momentum_buffer"], average)
    torch.testing.assert_close(small.detach(), large.detach(), atol=1e-5, rtol=0)


def test_parameters_without_gradient_stay_as_they_are() -> None:
    still, moved = (torch.nn.Parameter(torch.ones(4, 6)) for _ in range(2))
    moved.grad = draws(0, [(4, 6)])[0]
    optimizer = Muon([still, moved], lr=0.1)
    optimizer.step()
    assert torch.equal(still.detach(), torch.ones(4, 6))
    assert not optimizer.state[still]
    assert not torch.equal(moved.detach(), torch.ones(4, 6))


@pytest.mark.parametrize(
    ("device", "hardware", "dtype"),
    [("cpu", True, torch.bfloat16), ("cpu", False, torch.float32), ("mps", True, torch.float32)],
)
def test_bfloat16_only_where_the_hardware_has_it(
    device: str, hardware: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": hardware})
    assert newton_schulz_dtype(torch.device(device)) == dtype


@pytest.mark.parametrize(("capability", "dtype"), [((7, 5), torch.float32), ((9, 0), torch.bfloat16)])
def test_bfloat16_on_cuda_from_ampere(
    capability: tuple[int, int], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert newton_schulz_dtype(torch.device("cuda")) == dtype


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


SHARED_OUT = """
from mediafm.train.muon import Muon
generator = torch.Generator().manual_seed(0)
shapes = [(24, 24)] * 3 + [(24, 96)] * 2 + [(7, 5)]  # 3, 2 and 1 matrices for two processes, and one stack of three
start = [torch.randn(*shape, generator=generator) for shape in shapes + [(72, 24)]]
errors = {}
for dtype in (torch.float32, torch.bfloat16):
    shared, alone = ([torch.nn.Parameter(p.clone()) for p in start] for _ in range(2))
    for parameters, company in ((shared, world), (alone, None)):
        groups = [{"params": parameters[:-1]}, {"params": parameters[-1:], "stacked": 3}]
        optimizer = Muon(groups, lr=0.02, world=company, dtype=dtype)
        draws = torch.Generator().manual_seed(1)
        for step in range(3):
            for parameter in parameters:
                parameter.grad = torch.randn(*parameter.shape, generator=draws)
            optimizer.step()
    errors[str(dtype)] = max((a - b).abs().max().item() for a, b in zip(shared, alone))
report(errors=errors, sums=[p.double().sum().item() for p in shared])
"""


@pytest.mark.slow  # a whole run of two processes is compared with one always: test_processes.py
def test_work_shared_by_two_processes_equals_that_of_one(tmp_path: Path) -> None:
    first, second = run_ranks(SHARED_OUT, tmp_path)
    assert first["sums"] == second["sums"]
    for report in (first, second):
        assert report["errors"]["torch.float32"] < 1e-6
        assert report["errors"]["torch.bfloat16"] < 2e-3
