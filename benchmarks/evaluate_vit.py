"""How much of each map lies on the parts that tell the class, on creatures-vit, held-out creatures.

python benchmarks/evaluate_vit.py [--limit 200 --samples 200]
Writes benchmarks/results/evaluate_creatures-vit.json, with 95 % intervals over images and the
paired difference to a centred Gaussian. What was measured is kept, so a stopped run goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from creatures.publish import TEST_SEED
from evaluated import evaluated
from record import record

from interp.context import Budget
from interp.evaluation.request import EvaluationRequest
from interp.request import Choice
from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures

METHODS = ("gradcam", "rise", "mint", "chip")
METRICS = ("energy-parts", "pointing")
CENTRE = "centre"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--samples", type=int, default=200, help="of RISE and of MINT, per image")
    parser.add_argument("--keep", type=Path, default=Path("build/evaluate_vit"))
    arguments = parser.parse_args()
    request = EvaluationRequest(
        methods=tuple(Choice(name=each) for each in METHODS),
        metrics=tuple(Choice(name=each) for each in METRICS),
        baselines=(CENTRE,),
        model="creatures-vit",
        options=ModelOptions(device="cpu"),
        budget=Budget(samples=arguments.samples),
    )
    images = Creatures(arguments.limit, TEST_SEED, two=False)
    found = evaluated(request, images, arguments.keep)
    table = found.pop("table")
    below = {
        metric: [name for name in METHODS if table[metric][name]["less"][CENTRE]["low"] <= 0]
        for metric in METRICS
    }
    about = {"samples": arguments.samples, "seed": TEST_SEED}
    record("evaluate_creatures-vit", {**about, **found, "not_above_centre": below, "table": table})


if __name__ == "__main__":
    main()
