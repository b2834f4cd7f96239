"""What `--until ranked` saves beside `--until stable`, and how often its answer is the same.

python benchmarks/ranked.py [--images N --methods lime,kernelshap]
Writes benchmarks/results/ranked.json. Each image of creatures is explained until its three largest
parts are known, and until all is stable by another seed, whose samples are its own. The answers are
the same where none of the three is, in the stable answer, smaller than a part outside of them by
more than a tenth of the largest |importance|: the difference that `ranked` does not look at.
"""

from __future__ import annotations

import argparse

import numpy as np
from record import print_progress, record

from interp.context import Budget
from interp.engine.convergence import ALIKE, TOP
from interp.evidence import Regions
from interp.explanation import Explanation
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.session import Session
from interp.spec import ModelOptions


def importance(found: Explanation) -> np.ndarray:
    """The importance of each part, (P,)."""
    return next(each.importance for each in found.evidence if isinstance(each, Regions))


def is_same(ranked: np.ndarray, stable: np.ndarray) -> bool:
    """Whether the largest parts of one answer are so in the other."""
    chosen, rest = np.split(np.argsort(-ranked), [TOP])
    short = stable[rest].max() - stable[chosen].min()
    return bool(short <= ALIKE * np.abs(stable).max())


def measure(method: str, count: int) -> dict[str, object]:
    """Samples and answers of `count` images."""
    registry = Registry.load()
    model = Session(registry).open_model("creatures-vgg", ModelOptions())
    progress = print_progress(method)
    taken: dict[str, list[int]] = {"ranked": [], "stable": []}
    same, settled = [], []
    for at, example in enumerate(registry.get("dataset", "creatures")(count, 0)):
        progress("images", at, count)
        answers = {}
        for seed, until in enumerate(taken):
            request = Request(method=method, seed=seed, budget=Budget(until=until))
            found = run(request, Session(registry, model), images=[example.image]).explanation
            taken[until].append(found.samples)
            answers[until] = found
        settled.append(not any("not settled" in e for f in answers.values() for e in f.notes))
        same.append(is_same(*map(importance, answers.values())))
    sums = {until: sum(each) for until, each in taken.items()}
    return {
        "images": count,
        "samples": {until: float(np.mean(each)) for until, each in taken.items()},
        "saved": 1 - sums["ranked"] / sums["stable"],
        "fewer samples on": float(np.mean(np.less(taken["ranked"], taken["stable"]))),
        "more samples on": float(np.mean(np.greater(taken["ranked"], taken["stable"]))),
        "same answer": float(np.mean(same)),
        "settled": float(np.mean(settled)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--methods", default="lime,kernelshap")
    options = parser.parse_args()
    found = {each: measure(each, options.images) for each in options.methods.split(",")}
    record("ranked", {"top": TOP, "alike": ALIKE, "methods": found})


if __name__ == "__main__":
    main()
