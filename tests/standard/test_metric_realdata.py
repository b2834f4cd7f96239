"""Photographs with boxes and a trained network that are not in the repository."""

from __future__ import annotations

import csv
from functools import cached_property
from pathlib import Path

import pytest

from interp.context import Budget
from interp.dataset import Dataset, Example, Instance
from interp.evaluation.evaluate import evaluate
from interp.evaluation.request import EvaluationRequest
from interp.request import Choice
from interp.spec import ModelOptions
from interp.storage.image import open_image

DATA = Path(__file__).parents[3] / "shared" / "data" / "imagenet"

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data"),
]


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


def test_methods_are_measured_on_photographs() -> None:
    request = EvaluationRequest(
        methods=(Choice(name="gradcam"),),
        metrics=tuple(
            Choice(name=name)
            for name in ("deletion", "insertion", "pointing", "localization", "energy-mask")
        ),
        model=str(DATA / "mobilenet_v2.onnx"),
        options=ModelOptions(device="cpu", input={"mean": (0.5,) * 3, "std": (0.5,) * 3}),
        limit=6,
        budget=Budget(samples=100),
    )
    found = evaluate(request, dataset=Photographs())
    assert {each.mean.count for cells in found.table.values() for each in cells.values()} == {6}
    assert "energy-mask" not in found.metrics  # there are boxes and no masks
    assert any("energy-mask left out on 6 of 6" in note for note in found.notes())
    for metric in ("deletion", "insertion", "pointing"):
        less = found.table[metric]["gradcam"].less["random"].value
        assert less < 0 if metric == "deletion" else less > 0
