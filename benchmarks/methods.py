"""Every method on held-out creatures: energy in parts that tell the class, deletion, ROAD, time.

python benchmarks/methods.py MODEL [--limit 100 --samples 500]
MODEL is creatures-vgg, creatures-resnet or creatures-vit. Writes the table that interp suggest
cites, plugins/interp_creatures/evaluations/MODEL.json, with 95 % intervals over images and the
paired difference to each map that sees no model. What was measured is kept, so a stopped run goes
on. Methods that the model refuses are named with the reason.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median

from creatures.publish import TEST_SEED
from record import record

import interp_creatures
from interp.context import Budget
from interp.evaluation.evaluate import evaluate
from interp.evaluation.request import BASELINES, EvaluationRequest
from interp.evaluation.result import Evaluation
from interp.registry import Registry
from interp.registry.manifest import MethodEntry
from interp.request import Choice
from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures

METRICS = ("energy-parts", "deletion", "road")
FACTS = ("model", "data", "size", "metrics", "refused", "notes", "table")
PLACE = Path(interp_creatures.__file__).parent / "evaluations"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--samples", type=int, default=500, help="of each method, per image")
    parser.add_argument("--keep", type=Path, help="folder of what was measured; default: in build/")
    parser.add_argument("--out", type=Path, help="file to write; default: what suggest cites")
    arguments = parser.parse_args()
    request = EvaluationRequest(
        methods=tuple(Choice(name=each) for each in general_methods()),
        metrics=tuple(Choice(name=each) for each in METRICS),
        model=arguments.model,
        options=ModelOptions(device="cpu"),
        budget=Budget(samples=arguments.samples),
    )
    found = evaluate(
        request,
        dataset=Creatures(arguments.limit, TEST_SEED, two=False),
        out=arguments.keep or Path("build") / f"methods-{arguments.model}",
        on_message=lambda line: print(line, file=sys.stderr),
    )
    facts = found.plain()
    written = {
        "samples": arguments.samples,
        "seed": TEST_SEED,
        "seconds": seconds(found),
        **{key: facts[key] for key in FACTS},
    }
    out = arguments.out or PLACE / f"{arguments.model}.json"
    out.parent.mkdir(exist_ok=True)
    record(arguments.model, written, out)


def general_methods() -> list[str]:
    """The methods that see the model and need none that was made for them."""
    entries = [each for each in Registry.load().entries("method") if isinstance(each, MethodEntry)]
    return [each.name for each in entries if each.model is None and each.name not in BASELINES]


def seconds(found: Evaluation) -> dict[str, float]:
    """Method -> seconds that it takes for an image, the median."""
    return {
        name: round(median(each.explaining[name] for each in found.records), 3)
        for name in found.methods
        if all(name in each.explaining for each in found.records)
    }


if __name__ == "__main__":
    main()
