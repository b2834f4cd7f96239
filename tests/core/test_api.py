"""`interp.explain` and `interp.compare` on live modules, ONNX files, arrays, files, PIL images."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from PIL import Image

import interp
from interp.comparison.result import Comparison
from interp.context import Budget
from interp.errors import InputError
from interp.registry import Registry
from interp.spec import ModelOptions

EXAMPLE = Path(__file__).parent.parent / "example_plugin/src/interp_example/registry.yaml"
GRID = {"occlude-grid": {"cells": 4}}
OPTIONS = ModelOptions(input={"size": [24, 24], "mean": [0, 0, 0], "std": [1, 1, 1]}, device="cpu")
PIXELS = np.full((30, 40, 3), 40, np.uint8)
PIXELS[:10, :12] = (250, 30, 30)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load([EXAMPLE])


@pytest.fixture
def module() -> torch.nn.Module:
    """The mean of each colour."""
    return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()).eval()


@pytest.fixture
def file(tmp_path) -> Path:
    """The same as an ONNX file."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["scores"]),
    ]
    image, scores = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("image", ("n", 3, 24, 24)), ("scores", ("n", 3)))
    )
    graph = helper.make_graph(nodes, "mean colour", [image], [scores])
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(
        helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "colour.onnx"
    )
    return tmp_path / "colour.onnx"


def test_any_image_on_any_model(module, file, registry, tmp_path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "photo.png")
    maps = []
    for model in (module, str(file), file):
        for image in (PIXELS, Image.fromarray(PIXELS), tmp_path / "photo.png"):
            found = interp.explain(
                model,
                image,
                method="occlude-grid",
                target=0,
                params=GRID["occlude-grid"],
                options=OPTIONS,
                registry=registry,
            )
            maps.append(found.map())
    assert found.provenance.image_names == (str(tmp_path / "photo.png"),)
    for each in maps[1:]:
        np.testing.assert_allclose(each, maps[0], atol=1e-6)
    assert maps[0][:7, :9].min() > maps[0][12:, 20:].max()  # the red corner speaks for red


def test_compare_and_rerun_of_a_live_module(module, registry, tmp_path) -> None:
    found = interp.compare(
        module,
        [PIXELS, PIXELS[::-1].copy()],
        methods={**GRID, "captum-occlusion": {}},
        target=["class 0", "class 0, not class 1"],
        options=OPTIONS,
        budget=Budget(samples=50),
        out=tmp_path / "c",
        registry=registry,
    )
    assert [each.name for each in found.records] == ["image 0", "image 1"]
    assert all(each.error is None for record in found.records for each in record.outcomes)
    assert Comparison.open(tmp_path / "c").request.methods[0].params == {"cells": 4}
    with pytest.raises(InputError, match="live object"):
        interp.rerun(tmp_path / "c", registry=registry)
    assert interp.rerun(tmp_path / "c", model=module, registry=registry).same


def test_a_method_that_the_model_cannot_run_stands_in_its_cell(file, registry) -> None:
    found = interp.compare(
        file,
        PIXELS,
        methods=["integrated-gradients", "occlude-grid"],
        options=OPTIONS,
        registry=registry,
    )
    refused, fine = found.records[0].outcomes
    assert "needs GRADIENTS" in refused.error and fine.error is None


def test_what_is_no_image_is_told(module, registry) -> None:
    for image in (3, PIXELS.astype(float), [PIXELS, None]):
        with pytest.raises(InputError, match="expected a"):
            interp.explain(module, image, method="occlude-grid", registry=registry)


def test_nothing_heavy_is_imported_at_once() -> None:
    code = (
        "import sys, interp; sys.exit(sum(m in sys.modules for m in ('torch', 'numpy', 'jinja2')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        interp.nothing  # noqa: B018
