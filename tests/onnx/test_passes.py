"""How many forward passes Grad-CAM takes on the ONNX files of docs/models.md, and its slopes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from zoo.cells import picture
from zoo.specimen import Specimen
from zoo.table import ZOO

import interp
from interp.target import Target
from interp_onnx.autograd.program import Program
from interp_onnx.session import Session

FILES = [each for each in ZOO if each.kind == "ONNX"]
PASSES = 10


@contextmanager
def images_run(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Batch sizes of whatever is run of a model, by onnxruntime or PyTorch, as it is run."""
    found: list[int] = []
    with monkeypatch.context() as patch:
        for kind in (Session, Program):
            run = kind.__call__

            def counted(self: Any, *given: Tensor, run: Any = run) -> list[Tensor]:
                found.append(len(given[0]))
                return run(self, *given)

            patch.setattr(kind, "__call__", counted)
        yield found


@pytest.mark.parametrize("specimen", FILES, ids=lambda each: each.name)
def test_gradcam_takes_few_passes(
    specimen: Specimen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        given = specimen.make(tmp_path)
    model = interp.open_model(given.source, options=given.options)
    image = picture(len(model.spec.input.mean))
    interp.explain(model, image, method="gradcam", target=0)
    with images_run(monkeypatch) as passes:
        found = interp.explain(model, image, method="gradcam", target=0)
    assert sum(passes) <= PASSES
    assert not any("differences" in each for each in found.notes)


def test_slopes_of_halves_are_those_of_the_module(tmp_path: Path) -> None:
    """Differences in 16 bits are mostly rounding; of a mean and a product, slopes are weights."""
    (specimen,) = (each for each in FILES if each.name == "fp16")
    given = specimen.make(tmp_path)
    assert given.module is not None
    model = interp.open_model(given.source, options=given.options)
    cut = model.cut("body")
    pixels, _ = model.prepare(picture())
    frontier = cut.prefix(pixels[None])
    found = cut.gradient(frontier, [Target(0, "0")], "logit")
    weight = given.module.get_submodule("fc").weight[0].detach()
    cells = frontier.activation[0, 0].numel()
    expected = (weight / cells).view(-1, 1, 1).expand_as(found[0])
    assert float((found[0] - expected).abs().max()) <= 1e-3 * float(expected.abs().max())
