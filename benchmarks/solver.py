"""All probes of a cross-validation at once: mediafm's solver against scikit-learn's, in time, memory and scores.

python benchmarks/solver.py [--rows 50000 --width 2304 --labels 100 --folds 5 --penalties 8] [--tolerances 1e-4 1e-6]

Features are as correlated as embeddings: eigenvalues fall as 1 / k, 40 % of the variance lies between titles of 170
rows on average, and columns have means of their own. Labels are planted directions with noise, true in 1 % to 30 % of
rows. Folds hold out whole titles; penalties run from 1 to 1e-4 a row.

Ours fits every label in every fold at every penalty. scikit-learn's one-vs-rest `LogisticRegression` (lbfgs, float32,
standardised copy of the first fold, both given outside the measured time) fits `--part-labels` of the labels, spread
over all prevalences, at every penalty, in as many processes as there are cores (`OneVsRestClassifier(n_jobs=...)`),
once for each tolerance. `extrapolated_s` is that time by labels / part of the labels and by folds: the rest of the work
is of the same kind and size. `ratio` is `extrapolated_s` over our seconds.

Both are compared with `newton-cholesky` in float64 run to the end, for the same labels at `--exact-penalties`, on the
rows held out: the largest difference in average precision, in logits (norm of the difference over the norm, less each
fit's intercept), and in weights (likewise, on standardised features).

Memory is the largest resident set during our fit less that before it, plus the features, over the features.
Prints JSON.
"""

import argparse
import gc
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.multiclass import OneVsRestClassifier
from steps import machine, threads

from mediafm.probes.solver import LinearFit, Logistic, fit_linear

TITLE_ROWS = 170
BETWEEN = 0.4  # of the variance, between titles
STRENGTH = 2.0  # deviation of a label's planted logit, where its noise has 1.8


def make_problem(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features [N, D], truth [N, L], taught rows [F, N]."""
    rng = np.random.default_rng(options.seed)
    rows, width, titles = options.rows, options.width, max(options.rows // TITLE_ROWS, 2 * options.folds)
    title = np.sort(rng.integers(0, titles, rows))
    hidden = rng.standard_normal((rows, width), np.float32) * np.float32(np.sqrt(1 - BETWEEN))
    hidden += (rng.standard_normal((titles, width), np.float32) * np.float32(np.sqrt(BETWEEN)))[title]
    hidden *= (np.arange(1, width + 1) ** -0.5).astype(np.float32)
    turn, _ = np.linalg.qr(rng.standard_normal((width, width), np.float32))
    features = hidden @ turn
    features += 2 * features.std() * rng.standard_normal(width, np.float32)
    logits = hidden @ rng.standard_normal((width, options.labels), np.float32)
    logits *= STRENGTH / logits.std(axis=0)
    logits += rng.logistic(size=logits.shape)
    bounds = [np.quantile(column, 1 - share) for column, share in zip(logits.T, prevalences(options), strict=True)]
    held_out = rng.permutation(titles)[title] % options.folds
    return features, logits > np.array(bounds), held_out != np.arange(options.folds)[:, None]


def prevalences(options: argparse.Namespace) -> np.ndarray:
    return np.geomspace(0.01, 0.3, options.labels)


class Peak:
    """Largest resident set of this process between entering and leaving, less that on entering; bytes."""

    def __enter__(self) -> "Peak":
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # the kernel forgets the peak so far
        self.begun = self._read("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        self.bytes = self._read("VmHWM") - self.begun

    @staticmethod
    def _read(name: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(name)).split()[1]) * 1024


def measure_ours(
    features: np.ndarray, truth: np.ndarray, teaches: np.ndarray, penalties: np.ndarray, tolerance: float
) -> tuple[LinearFit, dict[str, Any]]:
    began = time.perf_counter()
    with Peak() as peak:
        fit = fit_linear(features, Logistic(truth), teaches, penalties, tolerance=tolerance)
    seconds = time.perf_counter() - began
    flop = 4 * fit.iterations.sum(axis=(1, 2)) @ teaches.sum(axis=1) * features.shape[1]
    return fit, {
        "seconds": round(seconds, 2),
        "fits": fit.iterations.size,
        "iterations": round(float(fit.iterations.mean()), 2),
        "most_iterations": int(fit.iterations.max()),
        "gflop_per_s": round(flop / seconds / 1e9, 1),
        "peak_memory_in_features": round((features.nbytes + peak.bytes) / features.nbytes, 2),
    }


def scikit_learn(
    standard: np.ndarray, truth: np.ndarray, penalties: np.ndarray, processes: int, **settings: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Weights [P, L, D] and seconds [P] of one-vs-rest fits."""
    weights, seconds = [], []
    for penalty in penalties:
        model = LogisticRegression(C=1 / (penalty * len(standard)), max_iter=100_000, **settings)
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # line search messages at the limit of what its precision tells apart
            fitted = OneVsRestClassifier(model, n_jobs=processes).fit(standard, truth)
        seconds.append(time.perf_counter() - began)
        weights.append(np.concatenate([estimator.coef_ for estimator in fitted.estimators_]))
    return np.stack(weights), np.array(seconds)


def differences(
    found_PLD: np.ndarray, exact_PLD: np.ndarray, judged: np.ndarray, truth: np.ndarray
) -> dict[str, float]:
    """The largest differences of weights, logits and average precision among all fits."""
    weights, logits, precisions = [], [], []
    for found_D, exact_D, asked in (
        (found_LD[label], exact_LD[label], truth[:, label])
        for found_LD, exact_LD in zip(found_PLD, exact_PLD, strict=True)
        for label in range(truth.shape[1])
    ):
        found, exact = judged @ found_D, judged @ exact_D
        weights.append(np.linalg.norm(found_D - exact_D) / np.linalg.norm(exact_D))
        logits.append(np.linalg.norm(found - exact) / np.linalg.norm(exact))
        precisions.append(abs(average_precision_score(asked, found) - average_precision_score(asked, exact)))
    return {
        "weights": float(f"{max(weights):.1e}"),
        "logits": float(f"{max(logits):.1e}"),
        "average_precision": float(f"{max(precisions):.1e}"),
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    features, truth, teaches = make_problem(options)
    penalties = np.geomspace(1, 1e-4, options.penalties)
    fit, ours = measure_ours(features, truth, teaches, penalties, options.tolerance)
    part = np.unique(np.linspace(0, options.labels - 1, options.part_labels).round().astype(int))
    standard = (features[teaches[0]] - fit.mean[0].astype(np.float32)) / fit.scale[0].astype(np.float32)
    judged = (features[~teaches[0]] - fit.mean[0]) / fit.scale[0]
    del features
    few = np.unique(np.linspace(0, len(penalties) - 1, options.exact_penalties).round().astype(int))
    taught, asked = truth[np.ix_(teaches[0], part)], truth[np.ix_(~teaches[0], part)]
    exact, exact_s = scikit_learn(
        standard.astype(np.float64), taught, penalties[few], 1, solver="newton-cholesky", tol=1e-10
    )
    own = fit.weights[0][:, part] * fit.scale[0]
    others = []
    for tolerance in options.tolerances:
        found, seconds = scikit_learn(standard, taught, penalties, options.processes, solver="lbfgs", tol=tolerance)
        whole = seconds.sum() * options.labels / len(part) * options.folds
        others.append(
            {
                "tolerance": tolerance,
                "timed_fits": len(part) * len(penalties),
                "timed_s": round(seconds.sum(), 1),
                "timed_s_by_penalty": [round(float(s), 1) for s in seconds],
                "extrapolated_s": round(whole),
                "ratio": round(whole / ours["seconds"], 1),
                "from_exact": differences(found[few], exact, judged, asked),
            }
        )
    return {
        **machine(torch.device("cpu")),
        "processes": options.processes,
        "eigenvalues": spectrum(standard),
        "penalties": [float(f"{p:.3g}") for p in penalties],
        "part_prevalences": [round(float(share), 3) for share in prevalences(options)[part]],
        "exact_penalties": [float(f"{p:.3g}") for p in penalties[few]],
        "ours": {**ours, "from_exact": differences(own[few], exact, judged, asked)},
        "scikit-learn lbfgs": others,
        "scikit-learn newton-cholesky, float64, s a fit": round(float(exact_s.sum()) / exact.shape[0] / len(part), 1),
    }


def spectrum(standard: np.ndarray) -> dict[str, float]:
    """Some eigenvalues of the features' correlations, by place."""
    values = np.linalg.eigvalsh(standard.T @ standard / len(standard))[::-1]
    places = sorted({1, 10, 100, len(values) // 2, len(values)} & set(range(1, len(values) + 1)))
    return {str(place): float(f"{values[place - 1]:.3g}") for place in places}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--width", type=int, default=2304)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--penalties", type=int, default=8)
    parser.add_argument("--tolerance", type=float, default=2e-5, help="ours")
    parser.add_argument("--tolerances", type=float, nargs="+", default=[1e-4, 1e-6], help="scikit-learn's")
    parser.add_argument("--part-labels", type=int, default=4, help="labels that scikit-learn fits")
    parser.add_argument("--exact-penalties", type=int, default=3, help="penalties at which scores are compared")
    parser.add_argument("--processes", type=int, default=2, help="of scikit-learn")
    parser.add_argument("--threads", type=int, help="of ours")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with threads(options.threads):
        figures = measure(options)
    print(json.dumps({"options": vars(options), **figures}, indent=1))


if __name__ == "__main__":
    main()
