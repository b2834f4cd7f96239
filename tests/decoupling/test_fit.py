"""Training from end to end on a tiny network: the folder, kill and resume, warnings, bad input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interp.context import Budget, Context
from interp.errors import Cancelled, InputError, UnsupportedError
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import fit, run
from interp.spec import ModelOptions
from interp.testing import ToyModel
from interp_decoupling.fit import _warnings
from interp_decoupling.knowledge import DecouplingKnowledge
from interp_decoupling.params import DecouplingParams


def weights(knowledge: Knowledge) -> dict[str, torch.Tensor]:
    assert knowledge.made is not None
    return knowledge.made.module().state_dict()


def same(first: Knowledge, second: Knowledge) -> bool:
    one, other = weights(first), weights(second)
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def registry() -> Registry:
    return Registry.load()


@pytest.fixture
def source(tmp_path: Path) -> tuple[str, ModelOptions]:
    """A factory that can be imported, and how it is opened."""
    size: dict[str, object] = {"size": (12, 12), "mean": (0.5,) * 3, "std": (0.5,) * 3}
    names = tmp_path / "names.txt"
    names.write_text("blue\ngreen\nred\n")
    return "support.networks:deeper_net", ModelOptions(input=size, classes=str(names))


def test_the_network_learns_and_the_log_says_how(
    decoupling: Any, model: ModelAdapter, colours: Any
) -> None:
    before = {name: each.clone() for name, each in model.module().state_dict().items()}
    found = decoupling(epochs=8).fit(model, colours(60), Context())
    log = found.about["log"]
    assert len(log) == 8 and log[-1]["accuracy"] > 0.9
    assert log[-1]["loss"] < log[0]["loss"]
    assert set(log[-1]["layers"]) == {"mid.0", "last"}
    assert 0 < log[-1]["on"] < 1 and log[-1]["diversity"] > 0
    expected = 0.5 * log[-1]["information"] + log[-1]["alignment"] + 0.02 * log[-1]["sparsity"]
    expected += 0.25 * log[-1]["distillation"]
    assert log[-1]["loss"] == pytest.approx(log[-1]["entropy"] + expected, abs=1e-4)
    after = model.module().state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not model.module().training


def test_what_is_kept_is_what_the_model_does(learned: Knowledge) -> None:
    known = DecouplingKnowledge.read(learned)
    assert known.filters == {"mid.0": 8, "last": 5}
    assert known.paths.codes.shape == (6, 13) and known.pictures.shape == (6, 48, 48, 3)
    assert learned.about["layers"]["last"]["on"] == pytest.approx(
        known.paths.layers()["last"].mean(), abs=1e-4
    )


def test_kill_and_resume_gives_the_same_weights(
    decoupling: Any, make: Callable[..., ModelAdapter], colours: Any, tmp_path: Path
) -> None:
    data, state = colours(60), torch.get_rng_state()
    whole = decoupling().fit(make("plain", 0, 0.2), data, Context(seed=5))
    assert torch.equal(state, torch.get_rng_state())
    calls: list[int] = []

    def stop() -> bool:
        calls.append(1)
        return len(calls) > len(data) + 17  # in the third epoch of seven steps

    context = Context(seed=5, cancelled=stop, checkpoint=tmp_path)
    with pytest.raises(Cancelled):
        decoupling().fit(make("plain", 0, 0.2), data, context)
    assert list(tmp_path.glob("training-*.pt"))
    context = Context(seed=5, checkpoint=tmp_path)
    resumed = decoupling().fit(make("plain", 0, 0.2), data, context)
    assert same(whole, resumed) and whole.about["log"] == resumed.about["log"]
    assert np.array_equal(whole.arrays["codes"], resumed.arrays["codes"])
    assert not same(whole, decoupling().fit(make("plain", 0, 0.2), data, Context(seed=6)))


@pytest.mark.parametrize("kind", ["plain", "residual"])
@pytest.mark.parametrize("mixture", ["channels", "hard"])
def test_other_networks_and_mixtures(
    decoupling: Any, make: Any, colours: Any, kind: str, mixture: str
) -> None:
    said = {"epochs": 1, "mixture": mixture, "order": "codes", "start": "zero"}
    found = decoupling(**said).fit(make(kind), colours(30), Context())
    layers = {"mid.0", "last"} if kind == "plain" else {"conv1", "conv2", "skip.0"}
    assert set(found.about["filters"]) == layers


def test_static_gates_are_told(decoupling: Any, model: ModelAdapter, colours: Any) -> None:
    static = decoupling(epochs=1, information=0.0, start="zero", rate=1e-5, control_rate=1e-5)
    (note,) = static.fit(model, colours(30), Context()).about["notes"]
    assert note.startswith("the gates are static: diversity 0.0 is below 0.005")
    assert "raise --information (0)" in note


def test_layers_in_which_all_take_one_path_are_told() -> None:
    layers = {"a": {"on": 0.5, "diversity": 0.2}, "b": {"on": 0.5, "diversity": 0.0}}
    (note,) = _warnings({"diversity": 0.1, "layers": layers}, DecouplingParams())
    assert note == (
        "in 1 of 2 layers all images take one path, so that filters were pruned there: b"
    )


def test_gates_that_switch_are_not_told_static(learned: Knowledge) -> None:
    assert learned.about["log"][-1]["diversity"] > 0.005
    assert not any("static" in each for each in learned.about["notes"])


def test_sparsity_drives_the_share_on(decoupling: Any, model: ModelAdapter, colours: Any) -> None:
    strong = {"sparsity": 1.0, "alignment": 0.0, "information": 0.0, "epochs": 6}
    few, many = (
        decoupling(kept=kept, **strong).fit(model, colours(60), Context()).about["log"][-1]["on"]
        for kept in (0.1, 0.9)
    )
    assert few < 0.4 < 0.6 < many


def test_the_plain_twin_has_no_paths(decoupling: Any, model: ModelAdapter, colours: Any) -> None:
    found = decoupling(gate=False).fit(model, colours(30), Context())
    assert set(weights(found)) == set(model.module().state_dict())
    assert "on" not in found.about["log"][-1]
    with pytest.raises(InputError, match="plain twin, trained with --gate off"):
        DecouplingKnowledge.read(found)


def test_fresh_forgets_the_weights(decoupling: Any, make: Any, colours: Any) -> None:
    found = [
        decoupling(fresh=True, epochs=1).fit(make("plain", seed), colours(30), Context(seed=2))
        for seed in (0, 1)
    ]
    assert same(*found)


def test_the_folder_opens_as_a_model(
    registry: Registry,
    source: tuple[str, ModelOptions],
    said: dict[str, Any],
    colours: Any,
    tmp_path: Path,
) -> None:
    name, options = source
    request = Request(method="decoupling", model=name, options=options, params=said)
    learned = fit(request, registry=registry, dataset=colours(60), out=tmp_path / "B")
    opened = open_model(str(tmp_path / "B"), ModelOptions(), registry)
    assert opened.spec.fingerprint == learned.fingerprint
    state = opened.module().state_dict()
    assert all(torch.equal(each, state[name]) for name, each in weights(learned).items())
    image = colours()[1].image
    asked = Request(method="decoupling", model=str(tmp_path / "B"), targets=("green",))
    found = run(asked, registry=registry, images=[image], out=tmp_path / "seen")
    assert found.explanation.named("path").layers == {"3": 8, "6": 5}
    other = Request(method="gradcam", model=str(tmp_path / "B"))
    ours = run(other, images=[image], registry=registry).explanation
    assert ours.map().shape == image.shape[:2]


def test_the_network_is_cut_by_its_graph(learned: Knowledge, colours: Any) -> None:
    model = learned.made
    assert model is not None and model.layer("mid").cut == "graph"
    cut = model.cut("mid")
    pixels = model.prepare(colours()[0].image)[0][None]
    frontier = cut.prefix(pixels)
    found = cut.suffix(frontier, frontier.activation)
    torch.testing.assert_close(found, model.predict(pixels), atol=1e-5, rtol=1e-5)


def test_the_export_is_explained_alike(
    registry: Registry,
    source: tuple[str, ModelOptions],
    said: dict[str, Any],
    colours: Any,
    tmp_path: Path,
) -> None:
    name, options = source
    request = Request(method="decoupling", model=name, options=options, params=said)
    learned = fit(request, registry=registry, dataset=colours(60), out=tmp_path / "B")
    assert learned.made is not None
    learned.made.export(tmp_path / "b.onnx")
    paths = []
    for model, known in ((tmp_path / "B", None), (tmp_path / "b.onnx", str(tmp_path / "B"))):
        asked = Request(method="decoupling", model=str(model), knowledge=known, targets=("green",))
        found = run(asked, registry=registry, images=[colours()[1].image]).explanation
        paths.append(found.named("path").states)
    assert np.array_equal(*paths)


@pytest.mark.parametrize(
    ("params", "data", "message"),
    [
        ({}, {"names": ("blue", "green", "pink")}, "3 classes .pink. are none"),
        ({}, {"names": ("blue", "green")}, r"no images of 1 of .*\(red\)"),
        ({"layer": ("stem.0",)}, {}, "'stem.0' cannot be controlled"),
    ],
)
def test_bad_input(
    decoupling: Any,
    model: ModelAdapter,
    colours: Any,
    params: dict[str, Any],
    data: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(InputError, match=message):
        decoupling(**params).fit(model, colours(30, **data), Context())


def test_shards_and_models_without_modules(decoupling: Any, model: Any, colours: Any) -> None:
    with pytest.raises(InputError, match="not learned in parts"):
        decoupling().fit(model, colours(), Context(budget=Budget(shard=(0, 2))))
    toy = ToyModel()
    toy.capabilities = toy.capabilities - {"module"}
    with pytest.raises(UnsupportedError, match="needs MODULE"):
        decoupling().fit(toy, colours(), Context())


def test_a_model_that_was_not_trained_so(decoupling: Any, model: Any, colours: Any) -> None:
    from interp.target import Target

    with pytest.raises(InputError, match="was not trained with controlling modules"):
        decoupling().explain(model, [colours()[0].image], [Target(0, "blue")], None, Context())
