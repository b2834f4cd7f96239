"""`interp evaluate` on 100 photographs of ImageNet's validation set, MobileNetV2 as an ONNX file.

python benchmarks/evaluate_photos.py [--limit 100]
Writes benchmarks/results/evaluate_photos.json. Needs the images and the model of ../shared/data;
what was measured is kept, so a stopped run goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from photographs import MOBILENET, NORMALISED, Photographs
from record import record

from interp.context import Budget
from interp.evaluation.evaluate import evaluate
from interp.evaluation.request import EvaluationRequest
from interp.request import Choice
from interp.spec import ModelOptions

METHODS = ("gradcam", "occlusion", "rise")
METRICS = ("deletion", "pointing", "localization")
SAMPLES = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--keep", type=Path, default=Path("build/evaluate_photos"))
    arguments = parser.parse_args()
    request = EvaluationRequest(
        methods=tuple(Choice(name=each) for each in METHODS),
        metrics=tuple(Choice(name=each) for each in METRICS),
        model=str(MOBILENET),
        options=ModelOptions(device="cpu", input=NORMALISED),
        limit=arguments.limit,
        budget=Budget(samples=SAMPLES),
    )
    begun = time.perf_counter()
    found = evaluate(
        request,
        dataset=Photographs(),
        out=arguments.keep,
        on_message=lambda line: print(line, file=sys.stderr),
    )
    facts = found.plain()
    shown = {key: facts[key] for key in ("data", "size", "metrics", "refused", "notes", "table")}
    seconds = round(time.perf_counter() - begun)
    about = {"samples": SAMPLES, "model": MOBILENET.name, "seconds": seconds}
    record("evaluate_photos", {**about, **shown})


if __name__ == "__main__":
    main()
