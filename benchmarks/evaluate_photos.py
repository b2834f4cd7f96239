"""`interp evaluate` on 100 photographs of ImageNet's validation set, MobileNetV2 as an ONNX file.

python benchmarks/evaluate_photos.py [--limit 100]
Writes benchmarks/results/evaluate_photos.json. Needs the images and the model of ../shared/data;
what is done is kept, and gone on with.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from functools import cached_property
from pathlib import Path

from mint import machine

from interp.context import Budget
from interp.dataset import Dataset, Example, Instance
from interp.evaluation.evaluate import evaluate
from interp.evaluation.request import EvaluationRequest
from interp.request import Choice
from interp.spec import ModelOptions
from interp.storage.image import open_image

HERE = Path(__file__).parent
DATA = HERE.parent.parent / "shared" / "data" / "imagenet"
OUT = HERE / "results" / "evaluate_photos.json"
METHODS = ("gradcam", "occlusion", "rise")
METRICS = ("deletion", "pointing", "localization")
SAMPLES = 200


class Photographs(Dataset):
    """ImageNet validation images, 227 x 227, with the boxes of their class."""

    fingerprint = "imagenet val"

    @cached_property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        with (DATA / "classes.tsv").open() as file:
            return tuple(row["name"] for row in csv.DictReader(file, delimiter="\t"))

    @cached_property
    def rows(self) -> list[list[str]]:
        with (DATA / "val.csv").open() as file:
            return list(csv.reader(file))[1:]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Example:
        name, label, *_, boxes = self.rows[index]
        corners = [tuple(map(float, each.split())) for each in boxes.split(";")]
        objects = tuple(Instance(int(label), each, None) for each in corners)  # type: ignore[arg-type]
        return Example(name, open_image(DATA / "val" / name), int(label), objects)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--keep", type=Path, default=Path("build/evaluate_photos"))
    arguments = parser.parse_args()
    request = EvaluationRequest(
        methods=tuple(Choice(name=each) for each in METHODS),
        metrics=tuple(Choice(name=each) for each in METRICS),
        model=str(DATA / "mobilenet_v2.onnx"),
        options=ModelOptions(device="cpu", input={"mean": (0.5,) * 3, "std": (0.5,) * 3}),
        limit=arguments.limit,
        budget=Budget(samples=SAMPLES),
    )
    begun = time.perf_counter()
    found = evaluate(
        request,
        dataset=Photographs(),
        out=arguments.keep,
        resume=True,
        tell=lambda line: print(line, file=sys.stderr),
    )
    facts = found.plain()
    told = {key: facts[key] for key in ("data", "size", "metrics", "refused", "notes", "table")}
    about = {"machine": machine(), "samples": SAMPLES, "model": "mobilenet_v2.onnx"}
    seconds = round(time.perf_counter() - begun)
    OUT.write_text(json.dumps({**about, "seconds": seconds, **told}, indent=2) + "\n")


if __name__ == "__main__":
    main()
