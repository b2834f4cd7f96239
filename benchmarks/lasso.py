"""CHIP's lasso along a path of lambdas, against scikit-learn's coordinate descent, in one run.

python benchmarks/lasso.py [--rounds N]
Writes benchmarks/results/lasso.json: per number of channels the median ratio of scikit-learn's
time to ours for a row, its range over rounds, and the largest violation of the optimality
conditions that either leaves, as a share of lambda. Each row is a class whose score follows a
twentieth of the channels, with noise; the states are random gates, four for each channel.
scikit-learn is given the same Gram matrix, and stops where its duality gap is `GAP` of the score's
variance, its lowest setting that ends without a warning in all cases.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np
import torch
from record import record
from sklearn.linear_model import lasso_path as sklearn_path
from torch import Tensor

from interp.engine.lasso import kkt
from interp.engine.solve import lasso_path
from interp_chip.solve import SHARES

CHANNELS = (512, 1280, 2048)
ROWS, STATES, SHARE, NOISE = 16, 4, 0.05, 0.5
LAMBDAS = np.array(SHARES)
"""CHIP's, as shares of the lambda from which on all weights are 0."""
GAP = 1e-10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    results = [measure(each, arguments.rounds) for each in CHANNELS]
    facts = {"threads": torch.get_num_threads(), "rows": ROWS, "lambdas": len(LAMBDAS)}
    record("lasso", {**facts, "results": results})


def measure(channels: int, rounds: int) -> dict[str, Any]:
    """Both solvers in turn on new rows each round."""
    ratios, worst = [], {"interp": 0.0, "scikit-learn": 0.0}
    for number in range(rounds):
        states, scores = rows(channels, number)
        gram, b = states.T @ states / len(states), scores @ states / len(states)
        lams = torch.from_numpy(LAMBDAS)[:, None] * b.abs().amax(1)  # (S, T)
        times = {}
        for name in ("interp", "scikit-learn") if number % 2 else ("scikit-learn", "interp"):
            start = time.perf_counter()
            if name == "interp":
                found = lasso_path(gram[None], b, lams)
            else:
                pairs = zip(scores, lams.T, strict=True)
                found = torch.stack([_theirs(states, *each, gram) for each in pairs], 1)
            times[name] = time.perf_counter() - start
            left = [kkt(gram[None], b, *each) for each in zip(lams, found, strict=True)]
            worst[name] = max(worst[name], float(torch.stack(left).max()))
        ratios.append(times["scikit-learn"] / times["interp"])
    return {
        "channels": channels,
        "ratio": round(statistics.median(ratios), 2),
        "range": [round(min(ratios), 2), round(max(ratios), 2)],
        "violation": worst,
    }


def rows(channels: int, seed: int) -> tuple[Tensor, Tensor]:
    """Centred random gates (N, P) and the scores of ROWS classes (T, N), float64."""
    random = np.random.default_rng(seed)
    states = random.integers(0, 2, (STATES * channels, channels)).astype(np.float64)
    states -= states.mean(0)
    weights = random.normal(size=(ROWS, channels)) * (random.random((ROWS, channels)) < SHARE)
    scores = weights @ states.T
    scores += NOISE * scores.std(1, keepdims=True) * random.normal(size=scores.shape)
    scores -= scores.mean(1, keepdims=True)
    return torch.from_numpy(states), torch.from_numpy(scores)


def _theirs(states: Tensor, scores: Tensor, lams: Tensor, gram: Tensor) -> Tensor:
    """scikit-learn's weights (S, P) of one row."""
    x, y, count = states.numpy(), scores.numpy(), len(states)
    _, found, _ = sklearn_path(
        x,
        y,
        alphas=lams.numpy(),
        precompute=gram.numpy() * count,
        Xy=x.T @ y,
        tol=GAP,
        max_iter=100_000,
    )
    return torch.from_numpy(np.ascontiguousarray(found.T))


if __name__ == "__main__":
    main()
