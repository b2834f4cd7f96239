"""Every method on held-out creatures: energy in parts that tell the class, deletion, ROAD, time.

python benchmarks/methods.py MODEL [--limit 100 --samples 500]
MODEL is creatures-vgg, creatures-resnet or creatures-vit. Writes the table that interp suggest
cites, plugins/interp_creatures/evaluations/MODEL.json, with 95 % intervals over images and the
paired difference to each map that sees no model. What was measured is kept, so a stopped run goes
on. Methods that the model refuses are named with the reason; those that draw no map of an image,
found by a short trial on another one, are left out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median

import numpy as np
from creatures.publish import TEST_SEED
from record import record

import interp_creatures
from interp.context import Budget
from interp.errors import InterpError
from interp.evaluation.evaluate import evaluate
from interp.evaluation.request import BASELINES, EvaluationRequest
from interp.evaluation.result import Evaluation
from interp.opening.source import open_model
from interp.registry import Registry
from interp.registry.manifest import MethodEntry
from interp.request import Choice, Request
from interp.run import run
from interp.session import Session
from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures

METRICS = ("energy-parts", "deletion", "road")
FACTS = ("model", "data", "size", "metrics", "refused", "notes", "table")
TRIED_SEED = 7004
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
        methods=tuple(Choice(name=each) for each in mapping_methods(arguments.model)),
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


def mapping_methods(model: str) -> list[str]:
    """The methods that see the model, need none that was made for them, and draw a map, or refuse.

    Each is tried on an image that is not scored.
    """
    registry = Registry.load()
    entries = [each for each in registry.entries("method") if isinstance(each, MethodEntry)]
    names = [each.name for each in entries if each.model is None and each.name not in BASELINES]
    session = Session(registry, open_model(model, ModelOptions(device="cpu"), registry))
    image = next(iter(Creatures(1, TRIED_SEED, two=False))).image
    return [each for each in names if draws_map(each, session, image)]


def draws_map(method: str, session: Session, image: np.ndarray) -> bool:
    """Whether a method's evidence on an image holds a map; true where the method refuses."""
    request = Request(method=method, targets=("0",), budget=Budget(samples=20))
    try:
        evidence = run(request, session, images=[image]).explanation.evidence
    except InterpError:
        return True
    return any(each.map() is not None for each in evidence)


def seconds(found: Evaluation) -> dict[str, float]:
    """Method -> seconds that it takes for an image, the median."""
    return {
        name: round(median(each.explaining[name] for each in found.records), 3)
        for name in found.methods
        if all(name in each.explaining for each in found.records)
    }


if __name__ == "__main__":
    main()
