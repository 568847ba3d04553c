"""The picture of a run, for the shortest run and the longest."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediafm.train.plots import draw_loss, plot_loss

TRIVIAL = {"title_mean": 0.852, "previous": 0.846, "neighbours": 0.804}


def rows(epochs: int, steps: int, **more: float) -> list[dict[str, Any]]:
    """Training loss 1/step, evaluations that are best at the middle epoch."""
    lines: list[dict[str, Any]] = [{"step": 0, "msm": 1.0, **TRIVIAL}]
    for step in range(1, epochs * steps + 1):
        lines.append({"step": step, "loss": 1 / step, "rate": 0.005, "gradient_norm": 1.0, **more})
        if step % steps == 0:
            lines.append({"step": step, "msm": 0.7 + 0.001 * abs(step // steps - (epochs + 1) // 2), **TRIVIAL})
    return lines


@pytest.mark.parametrize(("epochs", "steps"), [(1, 1), (1, 3), (24, 28), (1000, 20)])
def test_curves_predictors_and_the_best_step_are_there(epochs: int, steps: int) -> None:
    distances, rate = draw_loss(rows(epochs, steps), TRIVIAL).axes
    words = [text.get_text() for text in distances.get_legend().get_texts()]
    best = steps * ((epochs + 1) // 2)
    assert words[:3] == ["training titles", "validation titles", f"best: 0.700 after step {best:,}"]
    assert words[3:] == ["mean of the title 0.852", "previous shot 0.846", "mean of both neighbours 0.804"]
    curves = {line.get_label(): line.get_xydata() for line in distances.get_lines()}
    assert curves[words[2]].tolist() == [[best, pytest.approx(0.7)]]
    assert curves["previous shot 0.846"][:, 1].tolist() == [0.846, 0.846]
    assert len(curves["validation titles"]) == epochs + 1
    assert len(curves["training titles"]) == min(epochs * steps, max(60, min(epochs * steps // 8, 300)))
    assert np.trapezoid(rate.get_lines()[0].get_ydata()) >= 0 and rate.get_ylim()[0] == 0
    low, high = distances.get_xlim()
    assert low <= 0 and high >= epochs * steps


def test_another_objective_has_a_panel_of_its_own() -> None:
    labels = [axes.get_ylabel() for axes in draw_loss(rows(2, 5, objective=7.0), TRIVIAL).axes]
    assert labels == ["cosine distance to hidden shots", "objective", "rate"]


@pytest.mark.parametrize("lines", [[], [{"step": 0, "msm": 0.9}], [{"step": 1, "loss": float("nan")}], rows(2, 3)])
def test_a_picture_is_written_whatever_the_run_has_come_to(lines: list[dict[str, Any]], tmp_path: Path) -> None:
    plot_loss(lines, TRIVIAL if len(lines) > 1 else {"moving_average": 0.8}, tmp_path / "run" / "loss.png")
    assert (tmp_path / "run" / "loss.png").read_bytes().startswith(b"\x89PNG")
