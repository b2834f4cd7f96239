"""CHIP on an exported network: it learns the same, and takes what was learned of the original."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from interp.context import Context
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.opening.export import export_model
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import run
from interp.spec import ModelOptions
from interp_chip.method import Chip
from interp_chip.params import ChipParams
from interp_creatures.dataset import Creatures

PARAMS = ChipParams(layer=("stage3",), masks=256, images=2, sparsity=0.01)
CPU = ModelOptions(device="cpu")


@pytest.fixture(scope="module")
def original() -> ModelAdapter:
    return open_model("creatures-vgg", CPU, Registry.load())


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> ModelAdapter:
    path = tmp_path_factory.mktemp("export") / "creatures.onnx"
    export_model("creatures-vgg", path, CPU, Registry.load())
    return open_model(str(path), CPU, Registry.load())


@pytest.fixture(scope="module")
def known(original: ModelAdapter) -> Knowledge:
    return Chip(PARAMS).fit(original, Creatures(60, 5, two=False), Context())


def test_learns_the_same(exported: ModelAdapter, known: Knowledge) -> None:
    found = Chip(PARAMS).fit(exported, Creatures(60, 5, two=False), Context())
    first, second = (each.arrays["stage3/weights"] for each in (found, known))
    assert np.abs(first - second).max() <= 1e-3 * np.abs(second).max()


def test_takes_the_originals_knowledge(
    original: ModelAdapter, exported: ModelAdapter, known: Knowledge, tmp_path: Path
) -> None:
    known.save(tmp_path / "known")
    request = Request(method="chip", knowledge=str(tmp_path / "known"), targets=("fenka",))
    first, second = (
        run(request, model=model).explanation.named("map stage3") for model in (original, exported)
    )
    assert np.abs(first.values - second.values).max() <= 1e-4 * np.abs(second.values).max()


def test_takes_the_shipped_knowledge(exported: ModelAdapter) -> None:
    found = run(Request(method="chip"), model=exported).explanation
    assert found.samples == 0 and not found.notes
