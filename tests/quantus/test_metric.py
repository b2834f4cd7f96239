"""The bridge: networks, global generators, refusals, ONNX, and what happens without Quantus."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from support.networks import seeded
from support.registered import registered
from torch import nn

from interp.context import Context
from interp.errors import Cancelled, InputError, PluginError
from interp.evaluation.evaluate import all_metrics, evaluate
from interp.evaluation.request import EvaluationRequest
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.request import Choice
from interp.session import Session
from interp.spec import ModelOptions
from interp_torch.opening import open_model

NAMES = sorted(registered("metric", "interp_quantus"))


class Net(nn.Module):
    """A convolution and a linear layer, 3 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.see, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.see(images).relu().mean((2, 3)))


def opened(module: nn.Module) -> ModelAdapter:
    options = ModelOptions(device="cpu", input={"size": (32, 32)}, classes=["ant", "bee", "cat"])
    return open_model(module, options)


@pytest.mark.parametrize("name", NAMES)
def test_quantus_absent_is_one_line(
    made: Callable,
    case: Callable,
    a_map: Callable,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setitem(sys.modules, "quantus", None)
    with pytest.raises(PluginError, match=r"pip install 'interp\[quantus\]'"):
        made(name).measure(case(a_map(0), model=opened(seeded(Net, 0))))


def test_quantus_absent_or_not_its_metrics_are_measured_only_where_they_are_named() -> None:
    registry = Registry.load()
    assert not {each.name for each in all_metrics(registry)} & set(NAMES)
    assert set(NAMES) < {each.name for each in all_metrics(registry, on_request=True)}


def moving(seed: int, model: ModelAdapter, image: Any = None, target: Any = None) -> np.ndarray:
    """A map of everything that can be asked for."""
    weights = model.module().see.weight.detach().flatten().numpy()  # type: ignore[union-attr]
    bright = 0 if image is None else image.mean(2)
    return np.resize(weights, (32, 32)) + bright + (0 if target is None else target.index)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_and_nothing_global_moves(
    made: Callable, case: Callable, a_map: Callable, name: str
) -> None:
    model = opened(seeded(Net, 0))
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    kept = {name: each.clone() for name, each in model.module().state_dict().items()}
    first, second = (made(name).measure(case(a_map(3), moving, 5, model)) for _ in range(2))
    assert first == second and np.isfinite(first)
    assert np.array_equal(before[0], np.random.get_state()[1])  # noqa: NPY002
    assert torch.equal(before[1], torch.get_rng_state())
    assert all(torch.equal(kept[key], each) for key, each in model.module().state_dict().items())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("values", "found"), [(np.full((32, 32), 2.0, "f4"), "only 2"), (None, "values from -")]
)
def test_maps_that_quantus_refuses_are_one_line(
    made: Callable, case: Callable, a_map: Callable, name: str, values: np.ndarray, found: str
) -> None:
    given = -np.abs(a_map(0)) - 1 if values is None else values
    if name == "quantus-relevance-mass-accuracy" and values is None:
        found = "only 0"  # nothing of the map is positive
    with pytest.raises(InputError, match=f"found a map of {found}"):
        made(name).measure(case(given, moving, model=opened(seeded(Net, 0))))


def test_mprt_draws_every_layer_anew(made: Callable, case: Callable, a_map: Callable) -> None:
    model, seen = opened(seeded(Net, 0)), []

    def again(seed: int, other: ModelAdapter) -> np.ndarray:
        seen.append(other)
        return moving(seed, other)

    at = case(moving(0, model).astype("f4"), again, model=model)
    found = made("quantus-mprt").measure(at)
    (other,) = seen
    assert other.spec.fingerprint != model.spec.fingerprint
    for layer in ("see", "head"):
        one, two = (getattr(each.module(), layer).weight for each in (model, other))
        assert not torch.equal(one, two)
    expected = spearmanr(*(np.abs(each).ravel() for each in (at.map, moving(0, other)))).statistic
    assert found == pytest.approx(expected, abs=1e-5)
    still = case(a_map(0), lambda *_: a_map(0), model=model)
    assert made("quantus-mprt").measure(still) == pytest.approx(1)


@pytest.mark.parametrize("name", ["quantus-pixel-flipping", "quantus-max-sensitivity"])
def test_stopping_is_possible_between_passes(
    made: Callable, case: Callable, a_map: Callable, name: str
) -> None:
    at = case(a_map(0), moving, model=opened(seeded(Net, 0)))
    object.__setattr__(at, "context", Context(cancelled=lambda: True))
    with pytest.raises(Cancelled):
        made(name).measure(at)


@pytest.mark.slow
def test_onnx_gives_what_pytorch_gives(tmp_path: Path) -> None:
    """Faithfulness and robustness, of a method that only asks for scores, within 1e-3."""
    path = tmp_path / "net.onnx"
    model = opened(seeded(Net, 1))
    model.module().head.weight.data *= 20  # type: ignore[union-attr]
    model.export(path)
    wanted = [each for each in NAMES if each != "quantus-mprt"]
    request = EvaluationRequest(
        methods=(Choice(name="occlusion"),),
        metrics=tuple(Choice(name=each) for each in wanted),
        baselines=(),
        data="creatures",
        target="predicted",
        limit=1,
    )
    found = [
        evaluate(request.model_copy(update={"model": str(path)}) if at else request, session)
        for at, session in enumerate((Session(model=model), Session()))
    ]
    one, two = (
        {name: each["occlusion"] for name, each in evaluation.records[0].values.items()}
        for evaluation in found
    )
    assert {"quantus-pixel-flipping", "quantus-max-sensitivity"} <= set(one)
    assert one == pytest.approx(two, abs=1e-3)
    assert not found[0].records[0].failures and not found[1].records[0].failures


def test_monotonicity_is_left_out_since_quantus_always_says_yes() -> None:
    """Its perturbation puts the baseline back where the pixels should be added."""
    import quantus

    class Score(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.sum((1, 2, 3))[:, None]

    random = np.random.default_rng(0)
    image, values = random.random((1, 1, 8, 8)), random.normal(size=(1, 1, 8, 8))
    metric = quantus.Monotonicity(features_in_step=4, disable_warnings=True)
    for sign in (1, -1):
        found = metric(Score().eval(), -image, np.array([0]), sign * values, channel_first=True)
        assert found == [True]  # every pixel lowers the score
