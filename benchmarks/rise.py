"""How alike RISE's maps of two seeds are, as published and with the mean score taken off.

python benchmarks/rise.py
Writes benchmarks/results/rise.json. Creatures of seed 31, creatures-vgg, the true class. Both maps
come of the same masks and answers, so that nothing but the solver differs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from record import record

from interp.context import Budget
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures

IMAGES = 20
SAMPLES = (250, 500, 1000, 2000, 4000)


def main() -> None:
    registry = Registry.load()
    model = open_model("creatures-vgg", ModelOptions(device="cpu"), registry)
    data = Creatures(IMAGES, seed=31)
    found: dict[tuple[int, bool], list[float]] = {}
    for example in data:
        maps: dict[tuple[int, bool], list[np.ndarray]] = {}
        for seed in (0, 1):
            memory: dict[str, Any] = {}
            for count in reversed(SAMPLES):
                for above in (False, True):
                    request = Request(
                        method="rise",
                        targets=(str(example.label),),
                        params={"above_mean": above},
                        seed=seed,
                        budget=Budget(samples=count),
                    )
                    given = {"model": model, "images": [example.image], "memory": memory}
                    found_ = run(request, registry=registry, **given).explanation
                    maps.setdefault((count, above), []).append(found_.map())
        for key, (one, other) in maps.items():
            found.setdefault(key, []).append(float(np.corrcoef(one.ravel(), other.ravel())[0, 1]))
    rows = [
        {
            "samples": count,
            "as published": round(float(np.mean(found[count, False])), 3),
            "less the mean": round(float(np.mean(found[count, True])), 3),
        }
        for count in SAMPLES
    ]
    about = {
        "model": "creatures-vgg",
        "images": IMAGES,
        "measure": "mean Pearson correlation of the maps of seeds 0 and 1",
        "rows": rows,
    }
    record("rise", about)


if __name__ == "__main__":
    main()
