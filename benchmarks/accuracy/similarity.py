"""The fit that similarity rests on."""

import numpy as np
from numpy.typing import NDArray


def logistic(same: NDArray[np.float32], different: NDArray[np.float32]) -> tuple[float, float]:
    """Where same and different are equally likely, and the distance over which the odds change by e.

    Fitted by Newton's method, with as much weight on all same pairs together as on all different ones.
    """
    values = np.concatenate([same, different]).astype(np.float64)
    terms = np.stack([np.ones_like(values), values], axis=1)
    truth = np.concatenate([np.ones(len(same)), np.zeros(len(different))])
    weights = np.concatenate([np.full(len(same), 1 / len(same)), np.full(len(different), 1 / len(different))])
    solution = np.zeros(2)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-terms @ solution))
        curvature = (terms * (weights * chance * (1 - chance))[:, None]).T @ terms
        solution += np.linalg.solve(curvature, terms.T @ (weights * (truth - chance)))
    return float(-solution[0] / solution[1]), float(-1 / solution[1])
