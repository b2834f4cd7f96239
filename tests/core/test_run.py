"""The one road, with a small model and a plugin package of the tests' own."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from interp.context import Budget
from interp.errors import Cancelled, InputError, PluginError, RegistryError, UnsupportedError
from interp.model import ModelAdapter
from interp.registry import Registry
from interp.request import Request
from interp.result.bundle import open_bundle
from interp.run import Result, fit, run
from interp.session import Session
from interp.spec import Capability
from interp.testing import MethodCase, ToyModel, method_checks

IMAGES = [
    np.random.default_rng(seed).integers(0, 256, (40, 50, 3), dtype=np.uint8) for seed in range(4)
]


def go(registry: Registry, method: str = "tiles", **changes: object) -> Result:
    known = ("model", "images", "out")
    options = {name: changes.pop(name) for name in known if name in changes}
    around = {name: changes.pop(name) for name in ("cancelled",) if name in changes}
    session = Session(registry, options.pop("model", None) or ToyModel(), **around)
    fields = {"budget": Budget(samples=200, batch_size=50), **changes}
    request = Request(method=method, **fields)  # type: ignore[arg-type]
    return run(request, session, **{"images": IMAGES[:1], **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("check", method_checks(), ids=lambda check: check.__name__)
def test_a_method_that_behaves_conforms(check, registry: Registry) -> None:
    check(MethodCase("tiles", registry=registry))


@pytest.mark.parametrize("method", ["crash", "slip"])
def test_a_method_that_fails_is_named(method: str, registry: Registry) -> None:
    with pytest.raises(PluginError, match=method) as caught:
        go(registry, method)
    assert caught.value.__cause__ is not None


def test_a_bundle_is_written_and_the_same_request_gives_the_same(tmp_path, registry) -> None:
    first = go(registry, out=tmp_path / "a", targets=("bee", "ant, not cat"), seed=5)
    request, opened = open_bundle(tmp_path / "a")
    assert request.seed == 5 and opened.provenance is not None
    assert opened.provenance.targets == ("bee", "ant, not cat")
    assert opened.samples == first.explanation.samples == 400
    assert first.pictures and all(path.is_file() for path in first.pictures)
    again = run(request, registry=registry, model=ToyModel(), images=IMAGES[:1]).explanation
    for one, other in zip(opened.evidence, again.evidence, strict=True):
        for name, values in one.arrays().items():
            np.testing.assert_allclose(values, other.arrays()[name], rtol=1e-6, atol=1e-9)


def test_without_targets_each_image_is_explained_for_its_own_prediction(registry) -> None:
    found = go(registry, images=IMAGES).explanation
    assert found.provenance is not None
    tops = [each.classes[0] for each in found.provenance.predictions]
    maps = [each for each in found.evidence if each.name == "map"]
    assert sorted((each.image, each.target) for each in maps) == list(enumerate(tops))


def test_needs_are_checked_before_anything_runs(registry) -> None:
    class Small(ToyModel):
        capabilities = frozenset({Capability.PREDICT})

    with pytest.raises(UnsupportedError, match=r"greedy needs GRADIENTS; toy offers predict"):
        go(registry, "greedy", model=Small())


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"method": "tile"}, RegistryError, "tiles"),
        ({"params": {"cell": 3}}, InputError, "did you mean 'cells'"),
        ({"params": {"cells": "many"}}, InputError, "tiles: cells = 'many'"),
        ({"params": {"cells": 99}}, InputError, "less than or equal to 16"),
        ({"targets": ("be",)}, InputError, "did you mean 'bee'"),
        ({"images": [np.zeros((4, 4, 2))]}, InputError, "2 channels; toy takes 3 channels, RGB"),
        ({"cancelled": lambda: True}, Cancelled, "stopped"),
        ({"knowledge": "nowhere"}, InputError, "nowhere"),
    ],
)
def test_a_slip_of_the_users_is_one_clear_line(changes, error, words, registry) -> None:
    with pytest.raises(error, match=words) as caught:
        go(registry, **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, PluginError])
def test_nothing_is_half_written(stop, tmp_path, registry, monkeypatch) -> None:
    class Stopping(ToyModel):
        calls = 0

        def predict(self, images):
            self.calls += 1
            if self.calls > 3:
                raise stop("now")
            return super().predict(images)

    with pytest.raises(stop):
        go(registry, model=Stopping(), out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path, registry, monkeypatch) -> None:
    monkeypatch.setattr("interp.engine.respond.SAVE_EVERY", 0.0)

    class Stopping(ToyModel):
        seen, most = 0, 10**9

        def predict(self, images):
            self.seen += len(images)
            if self.seen > self.most:
                raise KeyboardInterrupt
            return super().predict(images)

    options = {
        "out": tmp_path / "run",
        "budget": Budget(samples=900, batch_size=50),
    }
    first = Stopping()
    first.most = 500
    with pytest.raises(KeyboardInterrupt):
        go(registry, model=first, **options)
    assert not (tmp_path / "run").exists() and (tmp_path / "run.partial").exists()
    second = Stopping()
    resumed = go(registry, model=second, **options).explanation
    assert second.seen < 600
    assert not (tmp_path / "run.partial").exists()
    whole = go(registry, budget=Budget(samples=900, batch_size=50)).explanation
    for one, other in zip(resumed.evidence, whole.evidence, strict=True):
        for name, values in one.arrays().items():
            np.testing.assert_allclose(values, other.arrays()[name], rtol=1e-9, atol=1e-12)


def test_fit_then_explain(tmp_path: Path, registry: Registry) -> None:
    for index, image in enumerate(IMAGES):
        folder = tmp_path / "data" / ("ant" if index % 2 else "bee")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{index}.png")
    wanted = Request(method="learner", data=str(tmp_path / "data"))
    knowledge = fit(wanted, registry=registry, model=ToyModel(), out=tmp_path / "k")
    assert knowledge.about == {"images": 4}
    with pytest.raises(InputError, match="not learned yet"):
        go(registry, "learner")
    found = go(registry, "learner", knowledge=str(tmp_path / "k")).explanation
    expected = float(np.stack(IMAGES).mean())
    assert found.named("map").values.mean() == pytest.approx(expected)
    with pytest.raises(InputError, match="another model"):
        go(registry, "learner", knowledge=str(tmp_path / "k"), model=ToyModel(seed=2))
    with pytest.raises(InputError, match="needs data"):
        fit(Request(method="learner"), registry=registry, model=ToyModel())


def test_an_adapter_is_a_model_like_any_other(registry: Registry) -> None:
    assert isinstance(ToyModel(), ModelAdapter)
    assert go(registry).explanation.samples == 200
