"""`interp evaluate` on 100 photographs of ImageNet's validation set, MobileNetV2 as an ONNX file.

python benchmarks/evaluate_photos.py [--limit 100]
Writes benchmarks/results/evaluate_photos.json. Needs the images and the model of ../shared/data;
what was measured is kept, so a stopped run goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from evaluated import evaluated
from photographs import MOBILENET, NORMALISED, Photographs
from record import record

from interp.context import Budget
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
    found = evaluated(request, Photographs(), arguments.keep)
    record("evaluate_photos", {"samples": SAMPLES, "model": MOBILENET.name, **found})


if __name__ == "__main__":
    main()
