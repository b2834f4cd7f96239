"""The columns of the zoo: each checks one thing that interp does with a model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import interp
from interp.context import Budget
from interp.cut import Cut
from interp.errors import InterpError
from interp.model import ModelAdapter
from interp.spec import Capability
from zoo.plain_gradcam import plain_gradcams
from zoo.specimen import COLUMNS, Given, Specimen

PASSES = "passes"
BUDGET = Budget(samples=64)
SIZE = 72
"""Side of the image, in pixels."""
METHODS: dict[str, dict[str, object]] = {"chip": {}, "mint": {}, "rise": {"cells": 4}}


def try_all(specimen: Specimen) -> dict[str, str]:
    """Column -> "passes", or the line with which it is refused.

    A model that cannot be opened is refused in all columns. Raises AssertionError for an answer
    that is wrong.
    """
    with tempfile.TemporaryDirectory() as folder, _one_thread():
        given = specimen.make(Path(folder))
        try:
            model = interp.open_model(given.source, options=given.options)
        except InterpError as error:
            return dict.fromkeys(COLUMNS, str(error))
        trial = Trial(specimen, given, model, Path(folder))
        return {"open": PASSES} | {name: trial.outcome(name) for name in COLUMNS[1:]}


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread and a seed within the block, so that every machine finds the same."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            yield
    finally:
        torch.set_num_threads(before)


class Trial:
    """A model that is open, and the checks of its columns."""

    def __init__(self, specimen: Specimen, given: Given, model: ModelAdapter, folder: Path) -> None:
        self.specimen, self.given, self.model, self.folder = specimen, given, model, folder
        self.image = picture(len(model.spec.input.mean))

    def outcome(self, column: str) -> str:
        """Whether a column passes, or the line with which it is refused."""
        try:
            getattr(self, column)()
        except InterpError as error:
            return str(error)
        return PASSES

    def predict(self) -> None:
        """The scores are the framework's own of the same pixels."""
        pixels, _ = self.model.prepare(self.image)
        with torch.no_grad():
            own = self._answer(self._normalised(pixels))
        found = self.model.predict(pixels[None])
        assert found.shape == (1, len(self.model.spec.classes))
        apart = _apart(found[:, : own.shape[1]], own)  # one score is a class and its opposite
        assert apart <= self.specimen.tolerance, f"scores are {apart:.2g} apart"

    def layers(self) -> None:
        """What crosses the first, the middle and the last cut gives the whole model's scores."""
        if Capability.CUT not in self.model.capabilities:
            raise self.model.lacks(Capability.CUT, "a cut")
        pixels, _ = self.model.prepare(self.image)
        images = torch.stack([pixels, pixels.flip(2), pixels.flip(1)])
        whole = torch.cat([self.model.predict(each[None]) for each in images])
        maps = [each.name for each in self.model.maps() if each.cut != "none"]
        for name in {maps[0], maps[len(maps) // 2], self.model.map_layer().name}:
            apart = _apart(_across(self.model.cut(name), images), whole)
            assert apart <= max(1e-3, self.specimen.tolerance), f"{name}: {apart:.2g} apart"

    def gradcam(self) -> None:
        """The map is that of a plain autograd computation with hooks at the same layer."""
        output = "prob" if self.model.normalised else "logit"
        params = {"output": output, "positive": False}
        found = interp.explain(self.model, self.image, method="gradcam", target=0, params=params)
        values = found.map()
        assert values.shape == (SIZE, SIZE) and np.isfinite(values).all()
        if self.given.module is None:
            return
        pixels, placement = self.model.prepare(self.image)
        layer = self.model.map_layer()
        maps = self.model.activations(pixels[None], [layer.name])[layer.name]
        plain = [
            placement.to_image(placement.grid_to_input(each.numpy(), layer.field))
            for each in plain_gradcams(self.given, self._normalised(pixels), layer, maps)
        ]
        assert plain, f"no module answers the maps of {layer.name}"
        apart = min(float(np.abs(values - each).max() / np.abs(each).max()) for each in plain)
        alike = max(float(np.corrcoef(values.ravel(), each.ravel())[0, 1]) for each in plain)
        assert apart <= 1e-4 or (self.specimen.rounded and alike >= 0.95), (
            f"{layer.name}: {apart:.2g} apart, correlation {alike:.4f}"
        )

    def chip(self) -> None:
        self._explained("chip")

    def mint(self) -> None:
        self._explained("mint")

    def rise(self) -> None:
        self._explained("rise")

    def compare(self) -> None:
        """Two methods side by side, with a report."""
        cut = Capability.CUT in self.model.capabilities
        names = ["gradcam" if cut else "occlusion", "rise"]
        out = self.folder / "comparison"
        found = interp.compare(self.model, self.image, methods=names, budget=BUDGET, out=out)
        errors = [cell.error for case in found.cases for cell in case.cells]
        assert errors == [None, None], errors
        assert (out / "report.html").is_file()

    def _explained(self, method: str) -> None:
        """A finite map of the whole image; what is sampled is not the same everywhere.

        Unless the answers are, as of some random weights: then a note must say so.
        """
        params = METHODS[method]
        found = interp.explain(self.model, self.image, method=method, params=params, budget=BUDGET)
        values = found.map()
        assert values.shape == (SIZE, SIZE) and np.isfinite(values).all()
        still = any("answer does not change" in each for each in found.notes)
        assert (values.std() > 0) is not still or method == "mint", (
            f"{method} finds the same everywhere, and does not say so"
        )

    def _answer(self, inputs: Tensor) -> Tensor:
        if self.given.answer is not None:
            return self.given.answer(inputs).float()
        assert self.given.module is not None
        return self.given.scores(self.given.module(inputs)).float()

    def _normalised(self, pixels: Tensor) -> Tensor:
        """Pixels (C, h, w) in [0, 1] as the network takes them, (1, C, h, w)."""
        spec = self.model.spec.input
        if len(spec.mean) == 1:
            red, green, blue = pixels
            pixels = (0.299 * red + 0.587 * green + 0.114 * blue)[None]
        pixels = pixels.flip(0) if spec.order == "BGR" else pixels
        planes = zip(pixels, spec.mean, spec.std, strict=True)
        return torch.stack([(plane - mean) / std for plane, mean, std in planes])[None]


def picture(channels: int = 3) -> np.ndarray:
    """Noise with a bright square, (SIZE, SIZE, 3) uint8; other channels than 1 or 3 in [0, 1]."""
    random = np.random.default_rng(0)
    count = 3 if channels == 1 else channels
    image = random.integers(30, 120, (SIZE, SIZE, count)).astype(np.uint8)
    image[10:30, 40:60, 0] = 240
    return image


def _across(cut: Cut, images: Tensor) -> Tensor:
    """Scores (N, K) of images that cross a cut one by one, the first also beside others."""
    frontiers = [cut.prefix(each[None]) for each in images]
    alone = torch.cat([cut.suffix(each, each.activation) for each in frontiers])
    both = frontiers[0].activation.expand(2, *frontiers[0].activation.shape[1:])
    assert _apart(cut.suffix(frontiers[0], both)[1:], alone[:1]) <= 1e-3
    return alone


def _apart(found: Tensor, expected: Tensor) -> float:
    """The largest difference as a share of the largest expected value."""
    return float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-6))
