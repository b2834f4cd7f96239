"""Each fault of an adapter is found by a check of its own; the project's adapters have none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid

from interp.errors import ModelError, UnsupportedError
from interp.network.scores import express
from interp.opening.prediction import predict_image
from interp.opening.source import open_model
from interp.request import Request
from interp.run import run
from interp.session import Session
from interp.spec import ModelOptions
from interp.testing import ToyModel
from interp.testing.kind.opened import RULES

CHECKS = {each.__name__.removeprefix("check_"): each for each in RULES}
IMAGE = np.random.default_rng(2).integers(0, 256, (40, 50, 3), dtype=np.uint8)


class Changed(ToyModel):
    """The toy model with its answers changed by `change(scores, images)`."""

    def __init__(self, change) -> None:
        super().__init__()
        self.change = change

    def predict(self, images):
        return self.change(super().predict(images), images)


class Halved(ToyModel):
    def probabilities(self, scores, output="prob"):
        return super().probabilities(scores, output) / 2


class Training(ToyModel):
    def module(self):
        return self.net.train()


def elsewhere() -> ToyModel:
    model = ToyModel()
    model.spec = model.spec.model_copy(update={"device": "cuda"})
    return model


FAULTS = {
    "too few rows": (
        lambda: Changed(lambda s, _: s[:2]),
        "scores",
        r"found \(2, 3\); expected \(3, 3\)",
    ),
    "too few classes": (lambda: Changed(lambda s, _: s[:, :2]), "scores", r"expected \(3, 3\)"),
    "NaN": (lambda: Changed(lambda s, _: s * torch.nan), "scores", "NaN or infinity"),
    "NumPy": (lambda: Changed(lambda s, _: s.numpy()), "scores", "found <class"),
    "another device": (elsewhere, "device", "on cpu, but the description says cuda"),
    "softmax twice": (
        lambda: Changed(lambda s, _: s.softmax(1)),
        "probabilities",
        "softmax is applied to them again",
    ),
    "sums": (Halved, "probabilities", "do not sum to 1"),
    "batch": (lambda: Changed(lambda s, _: s - s.mean(0)), "batch", "differ by"),
    "place": (
        lambda: Changed(lambda s, _: s + torch.arange(float(len(s)))[:, None] * (len(s) > 1)),
        "batch",
        "differ by",
    ),
    "noise": (lambda: Changed(lambda s, _: s + torch.rand_like(s)), "again", "differ by"),
    "forward": (lambda: Changed(lambda s, _: s + 9), "gradient", "scores differ by"),
    "training mode": (Training, "module", "in training mode"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(fault: str) -> None:
    make, check, words = FAULTS[fault]
    with pytest.raises(AssertionError, match=words):
        CHECKS[check](make())


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("opened", ["toy", "torch", "onnx", "callable"])
def test_our_adapters_have_none(check: str, opened: str, registry, tmp_path) -> None:
    try:
        CHECKS[check](model_of(opened, registry, tmp_path))
    except UnsupportedError:
        pytest.skip("nothing to measure")


def model_of(opened: str, registry, tmp_path):
    toy = ToyModel()
    options = ModelOptions(
        input={"size": (32, 32), "mean": (0.5,) * 3, "std": (0.5,) * 3}, device="cpu"
    )
    if opened == "toy":
        return toy
    live = open_model(toy.net, options, registry)
    if opened == "torch":
        return live
    if opened == "onnx":
        live.export(tmp_path / "toy.onnx")
        return open_model(str(tmp_path / "toy.onnx"), ModelOptions(device="cpu"), registry)

    def answer(images: np.ndarray) -> np.ndarray:
        return live.predict(torch.from_numpy(images).permute(0, 3, 1, 2) / 255).numpy()

    return open_model(answer, ModelOptions(input={"size": (32, 32)}), registry)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_probabilities_are_expressed_as_the_logits_that_made_them(activation: str) -> None:
    logits = torch.randn(5, 4, dtype=torch.float64)
    soft = activation == "softmax"
    chances = logits.softmax(-1) if soft else logits.sigmoid()
    torch.testing.assert_close(express(chances, "prob", activation, True), chances)
    logs = logits.log_softmax(-1) if soft else logsigmoid(logits)
    torch.testing.assert_close(express(chances, "logprob", activation, True), logs)
    expected = logs if soft else logits
    torch.testing.assert_close(express(chances, "logit", activation, True), expected)


def test_extreme_probabilities_have_finite_logits() -> None:
    for activation in ("softmax", "sigmoid", "none"):
        found = express(torch.tensor([[0.0, 1.0]]), "logit", activation, True)
        assert torch.isfinite(found).all() and found[0, 1] > found[0, 0]


def test_an_adapter_that_loses_rows_is_named() -> None:
    losing = Changed(lambda s, _: s[: max(1, len(s) - 1)])
    with pytest.raises(ModelError, match=r"toy answers \(\d+, 3\) to \d+ images; expected one row"):
        run(Request(method="rise"), Session(model=losing), images=[IMAGE])
    nothing = Changed(lambda s, _: s[:0])
    with pytest.raises(ModelError, match=r"toy answers \(0, 3\), expected \(1, 3\) class scores"):
        predict_image(nothing, IMAGE)
