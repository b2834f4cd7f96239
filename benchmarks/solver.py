"""How long a lasso takes per class, against scikit-learn on the raw rows and on the Gram matrix.

python benchmarks/solver.py [--classes 1000 --channels 512]
Writes benchmarks/results/solver.json. Rows are masks times pooled features, as CHIP's: once the
same rows for all classes, once images of its own for each class. Solvers take turns, block by
block, on one thread each; scikit-learn is timed on some classes of each block. Seconds are the
process's CPU seconds, which other work on the machine disturbs less than the clock. Gram and b
are given, as they are accumulated while the model runs: their cost is in no column.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy and torch start their threads

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from mint import machine
from sklearn.linear_model import Lasso, enet_path

from interp.engine.solve import kkt, lasso

HERE = Path(__file__).parent
MASKS, IMAGES = 100, 60
BLOCK = 100
"""Classes that are made, solved and forgotten together."""
RAW, GRAM = 2, 10
"""Classes of each block on which scikit-learn is timed."""
SHARE = 0.01
"""lambda as a share of the largest |b|."""
TOLERANCE = 1e-4
"""scikit-learn's default; ours is stricter, see the gaps."""


@dataclass(frozen=True)
class Problem:
    """Some classes: gram (R, P, P), b (T, P), and the rows (N, P), y (N,) behind class t."""

    gram: torch.Tensor
    b: torch.Tensor
    raw: Callable[[int], tuple[np.ndarray, np.ndarray]]

    @property
    def lam(self) -> torch.Tensor:
        """One lambda per class, (T,)."""
        return SHARE * self.b.abs().amax(1)

    def objective(self, t: int, weights: np.ndarray) -> float:
        """1/2 |y - Z w|^2 + lambda |w|_1 of class t."""
        rows, y = self.raw(t)
        rest = y - rows @ weights
        return float(rest @ rest / 2 + self.lam[t] * np.abs(weights).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--channels", type=int, default=512)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "scikit-learn": version("scikit-learn"),
        "classes": arguments.classes,
        "channels": arguments.channels,
        "rows": MASKS * IMAGES,
        "lambda": f"{SHARE} of the largest |b|",
        "scikit-learn tolerance": TOLERANCE,
        "threads": 1,
        "one Gram for all classes": measure(
            shared_information(arguments.classes, arguments.channels)
        ),
        "a Gram for each class": measure(owned(arguments.classes, arguments.channels)),
    }
    out = HERE / "results" / "solver.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


def measure(problems: Iterator[Problem]) -> dict[str, object]:
    """Milliseconds per class of the three, and how far each is from the best objective."""
    seconds: dict[str, list[float]] = {
        "interp": [],
        "scikit-learn rows": [],
        "scikit-learn Gram": [],
    }
    gaps: dict[str, list[float]] = {"scikit-learn rows": [], "scikit-learn Gram": []}
    optimal, nonzero = 0.0, []
    for number, problem in enumerate(problems, 1):
        begun = time.process_time()
        weights = lasso(problem.gram, problem.b, problem.lam)
        seconds["interp"].append((time.process_time() - begun) / len(weights))
        optimal = max(optimal, float(kkt(problem.gram, problem.b, problem.lam, weights).max()))
        nonzero += (weights != 0).sum(1).tolist()
        for name, peer, count in (
            ("scikit-learn rows", from_rows, RAW),
            ("scikit-learn Gram", from_gram, GRAM),
        ):
            for t in range(min(count, len(weights))):
                taken, theirs = peer(problem, t)
                seconds[name].append(taken)
                ours = problem.objective(t, weights[t].numpy())
                gaps[name].append(problem.objective(t, theirs) / ours - 1)
        print(f"block {number}: {1000 * seconds['interp'][-1]:.2f} ms a class", file=sys.stderr)
    mean = {name: float(np.mean(each)) for name, each in seconds.items()}
    return {
        "milliseconds_per_class": {name: round(1000 * each, 3) for name, each in mean.items()},
        "slowest_block_milliseconds": round(1000 * max(seconds["interp"]), 3),
        "times_as_fast": {name: round(mean[name] / mean["interp"], 1) for name in gaps},
        "objective_above_ours": {name: max(each) for name, each in gaps.items()},
        "timed_classes": {name: len(each) for name, each in gaps.items()},
        "kkt": optimal,
        "nonzero": {"mean": float(np.mean(nonzero)), "largest": max(nonzero)},
    }


def from_rows(problem: Problem, t: int) -> tuple[float, np.ndarray]:
    """Seconds and weights of scikit-learn's Lasso on the rows."""
    rows, y = problem.raw(t)
    rows = np.asfortranarray(rows)
    alpha = float(problem.lam[t]) / len(y)
    model = Lasso(alpha, fit_intercept=False, copy_X=False, tol=TOLERANCE, max_iter=100_000)
    begun = time.process_time()
    model.fit(rows, y)
    return time.process_time() - begun, model.coef_


def from_gram(problem: Problem, t: int) -> tuple[float, np.ndarray]:
    """Seconds and weights of scikit-learn's coordinate descent with Gram and b given."""
    rows, y = problem.raw(t)
    rows = np.asfortranarray(rows)
    gram, b = problem.gram[t % len(problem.gram)].numpy(), problem.b[t].numpy()
    begun = time.process_time()
    _, weights, _ = enet_path(
        rows,
        y,
        l1_ratio=1.0,
        alphas=[float(problem.lam[t]) / len(y)],
        precompute=gram,
        Xy=b,
        tol=TOLERANCE,
        max_iter=100_000,
        check_input=False,
    )
    return time.process_time() - begun, weights[:, 0]


def shared_information(classes: int, channels: int) -> Iterator[Problem]:
    """The same rows for all classes, so one Gram."""
    random = np.random.default_rng(0)
    masks, pooled = mask(random, channels), features(random, channels)
    rows = np.asfortranarray((masks[:, None] * pooled).reshape(-1, channels))
    gram = torch.from_numpy(rows.T @ rows)[None]
    for start in range(0, classes, BLOCK):
        truth = np.stack([sparse(random, channels) for _ in range(min(BLOCK, classes - start))], 1)
        y = noisy(random, rows @ truth)
        yield Problem(gram, torch.from_numpy(y.T @ rows), lambda t, y=y: (rows, y[:, t]))


def owned(classes: int, channels: int) -> Iterator[Problem]:
    """Images of its own for each class: Gram = mask moments (.) image moments."""
    random = np.random.default_rng(1)
    masks = mask(random, channels)
    moments = masks.T @ masks
    for start in range(0, classes, BLOCK):
        grams, bs, raws = [], [], []
        for _ in range(min(BLOCK, classes - start)):
            pooled = features(random, channels)
            y = noisy(random, masks @ (pooled * sparse(random, channels)).T)  # (masks, images)
            grams.append(moments * (pooled.T @ pooled))
            bs.append((masks * (y @ pooled)).sum(0))
            raws.append((pooled, y))

        def raw(t: int, raws: list[tuple[np.ndarray, np.ndarray]] = raws) -> tuple[np.ndarray, ...]:
            pooled, y = raws[t]
            return (masks[:, None] * pooled).reshape(-1, channels), y.ravel()

        yield Problem(torch.from_numpy(np.stack(grams)), torch.from_numpy(np.stack(bs)), raw)


def mask(random: np.random.Generator, channels: int) -> np.ndarray:
    """Channels on or off, (masks, P)."""
    return (random.random((MASKS, channels)) < 0.5).astype(float)


def features(random: np.random.Generator, channels: int) -> np.ndarray:
    """Positive features that go together, of different size, (images, P)."""
    common = random.normal(size=(IMAGES, 16)) @ random.normal(size=(16, channels)) / 4
    own = 0.5 * random.normal(size=common.shape)
    return np.maximum(common + own + 1, 0) * np.linspace(0.5, 2, channels)


def sparse(random: np.random.Generator, channels: int) -> np.ndarray:
    """20 to 40 weights that are not zero, (P,)."""
    weights = np.zeros(channels)
    on = random.choice(channels, random.integers(20, 41), replace=False)
    weights[on] = random.normal(size=len(on))
    return weights


def noisy(random: np.random.Generator, scores: np.ndarray) -> np.ndarray:
    """Scores with noise of 0.3 of their spread."""
    return np.asarray(scores + 0.3 * scores.std(0) * random.normal(size=scores.shape))


if __name__ == "__main__":
    main()
