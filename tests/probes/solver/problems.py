"""Features as correlated as embeddings, with labels in them, and what scikit-learn makes of them."""

import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression


def features(rows, width, seed=0, decay=1.0, kind=np.float32):
    """Eigenvalues fall as a power; columns have means and scales of their own, none of them standard."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(width, width)))
    spread = np.arange(1, width + 1) ** (-decay / 2)
    x = (rng.normal(size=(rows, width)) * spread) @ turn
    return (x * rng.uniform(0.5, 2, width) + rng.normal(size=width)).astype(kind)


def logits(x, labels, seed=1, strength=1.5):
    rng = np.random.default_rng(seed)
    z = (x - x.mean(axis=0)) @ rng.normal(size=(x.shape[1], labels))
    return strength * z / z.std(axis=0)


def truth(x, labels, seed=1):
    """Bool [N, L], from rare to common."""
    z = logits(x, labels, seed) + np.linspace(-3, 0, labels)
    return z + np.random.default_rng(seed + 1).logistic(size=z.shape) > 0


def folds(rows, count):
    """Bool [F, N]: each leaves out its stretch of rows."""
    held_out = np.arange(rows) * count // rows
    return held_out[None] != np.arange(count)[:, None]


def standardised(x, taught):
    """Float64 copy of the taught rows, and how to bring weights on it back to raw features."""
    raw = x[taught].astype(np.float64)
    mean, scale = raw.mean(axis=0), raw.std(axis=0)
    return (raw - mean) / scale, mean, scale


def scikit_learn(x, y, taught, penalty, weights=None):
    """Weights and intercepts on raw features of LogisticRegression run to the end; y is a label or classes."""
    standard, mean, scale = standardised(x, taught)
    solver = "newton-cholesky" if y.dtype == np.bool_ else "lbfgs"
    model = LogisticRegression(C=1 / (penalty * taught.sum()), tol=1e-10, max_iter=20_000, solver=solver)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # line search messages at the limit of float64
        model.fit(standard, y[taught])
    raw = model.coef_ / scale
    return raw, model.intercept_ - raw @ mean


def relative(found, wanted):
    """Norm of the difference over the norm, over the last axis."""
    return np.linalg.norm(found - wanted, axis=-1) / np.linalg.norm(wanted, axis=-1)
