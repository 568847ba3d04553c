"""One convex solver for all linear probes: many labels, folds and penalties side by side on one copy of the features.

`fit_linear` takes a loss (one label against the rest, classes, numbers, order within groups), the rows that each fold
may see, and penalties, and gives weights on raw features. Squared loss is solved in closed form (ridge.py); the others
by limited-memory BFGS (descent.py) whose first guess of the curvature comes from one eigendecomposition for all
(curvature.py), whose products with the features are shared by all fits (lanes.py, rows.py), and whose fits walk their
penalties from strong to weak, each beginning where the last one ended.
"""

from mediafm.probes.solver.fit import LinearFit, fit_linear
from mediafm.probes.solver.losses import Logistic, Loss, PairwiseRank, Softmax, Squared

__all__ = ["LinearFit", "Logistic", "Loss", "PairwiseRank", "Softmax", "Squared", "fit_linear"]
