"""Training from end to end on a tiny network: the folder, kill and resume, bad input."""

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
from interp_csg.knowledge import CsgKnowledge
from interp_csg.method import Csg
from interp_csg.params import CsgParams

PARAMS: dict[str, Any] = {
    "epochs": 6,
    "batch_size": 8,
    "optimizer": "adam",
    "rate": 0.03,
    "gated_rate": 0.03,
    "gate_rate": 0.2,
    "pad": 1,
}


def csg(**said: Any) -> Csg:
    return Csg(CsgParams(**{**PARAMS, **said}))


def weights(knowledge: Knowledge) -> list[torch.Tensor]:
    assert knowledge.made is not None
    return list(knowledge.made.module().state_dict().values())


@pytest.fixture
def registry() -> Registry:
    return Registry.load()


@pytest.fixture
def source() -> tuple[str, ModelOptions]:
    """A factory that can be imported, and how it is opened."""
    size: dict[str, object] = {"size": (12, 12), "mean": (0.5,) * 3, "std": (0.5,) * 3}
    return "support.networks:pooled_net", ModelOptions(input=size)


def test_gates_get_sparse_and_the_log_says_so(model: ModelAdapter, colours: Any) -> None:
    before = {name: each.clone() for name, each in model.module().state_dict().items()}
    found = csg().fit(model, colours(60), Context())
    gates, log = found.arrays["gates"], found.about["log"]
    assert gates.max(0).tolist() == [1] * 6 and gates.min() >= 0
    assert log[-1]["density"] == pytest.approx(gates.mean(), abs=1e-4) and gates.mean() < 0.7
    assert [row["gated"] for row in log] == [False, False, True] * 2
    assert log[-1]["accuracy"] == 1.0 and log[-1]["mis"] > 0
    assert ["hinge" in row for row in log] == [False, False, True] * 2
    after = model.module().state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not model.module().training


def test_kill_and_resume_gives_the_same_model(
    make: Callable[..., ModelAdapter], colours: Any, tmp_path: Path
) -> None:
    data = colours(60)
    whole = csg().fit(make(0, 0.2), data, Context(seed=5))
    calls: list[int] = []

    def stop() -> bool:
        calls.append(1)
        return len(calls) > len(data) + 24  # in the fourth epoch of seven steps

    with pytest.raises(Cancelled):
        csg().fit(make(0, 0.2), data, Context(seed=5, cancelled=stop, checkpoint=tmp_path))
    assert list(tmp_path.glob("training-*.pt"))
    resumed = csg().fit(make(0, 0.2), data, Context(seed=5, checkpoint=tmp_path))
    assert all(torch.equal(*pair) for pair in zip(weights(whole), weights(resumed), strict=True))
    assert np.array_equal(whole.arrays["gates"], resumed.arrays["gates"])
    assert whole.about["log"] == resumed.about["log"]
    other = csg().fit(make(0, 0.2), data, Context(seed=6))
    assert not np.array_equal(whole.arrays["gates"], other.arrays["gates"])


def test_the_folder_opens_as_a_model(
    registry: Registry, source: tuple[str, ModelOptions], colours: Any, tmp_path: Path
) -> None:
    name, options = source
    request = Request(
        method="csg", model=name, options=options, params={**PARAMS, "new_head": True}
    )
    learned = fit(request, registry=registry, dataset=colours(60), out=tmp_path / "B")
    opened = open_model(str(tmp_path / "B"), ModelOptions(), registry)
    assert opened.spec.classes == ("blue", "green", "red")
    assert opened.spec.fingerprint == learned.fingerprint
    assert all(
        torch.equal(*pair)
        for pair in zip(weights(learned), opened.module().state_dict().values(), strict=True)
    )
    image = colours()[1].image
    asked = Request(method="csg", model=str(tmp_path / "B"), targets=("green",))
    found = run(asked, registry=registry, images=[image]).explanation
    assert found.mapped("green").name == "class filters"
    assert found.named("gates").values.shape == (3, 6)
    ours = run(
        Request(method="gradcam", model=str(tmp_path / "B")), images=[image], registry=registry
    )
    assert ours.explanation.map().shape == image.shape[:2]


def test_a_new_head_for_other_classes(
    registry: Registry, source: tuple[str, ModelOptions], colours: Any, tmp_path: Path
) -> None:
    """A network of three classes, trained on two others, opens as one of two."""
    name, options = source
    request = Request(
        method="csg", model=name, options=options, params={**PARAMS, "new_head": True}
    )
    fit(request, registry=registry, dataset=colours(60, ("cold", "warm")), out=tmp_path / "B")
    opened = open_model(str(tmp_path / "B"), ModelOptions(), registry)
    assert opened.spec.classes == ("cold", "warm")
    assert opened.module()[-1].weight.shape == (2, 6)  # type: ignore[index]


def test_the_export_is_explained_alike(
    registry: Registry, source: tuple[str, ModelOptions], colours: Any, tmp_path: Path
) -> None:
    name, options = source
    request = Request(
        method="csg", model=name, options=options, params={**PARAMS, "new_head": True}
    )
    learned = fit(request, registry=registry, dataset=colours(60), out=tmp_path / "B")
    assert learned.made is not None
    learned.made.export(tmp_path / "b.onnx")
    image, maps = colours()[1].image, []
    for model, known in ((tmp_path / "B", None), (tmp_path / "b.onnx", str(tmp_path / "B"))):
        asked = Request(method="csg", model=str(model), knowledge=known, targets=("green",))
        maps.append(run(asked, registry=registry, images=[image]).explanation.map("green"))
    np.testing.assert_allclose(maps[0], maps[1], atol=1e-3 * np.abs(maps[0]).max())


def test_the_plain_twin_has_no_gates(model: ModelAdapter, colours: Any) -> None:
    found = csg(gate=False).fit(model, colours(60), Context())
    assert "gates" not in found.arrays and "density" not in found.about["log"][0]
    assert not any(row["gated"] for row in found.about["log"])
    with pytest.raises(InputError, match="plain twin, trained with --gate off"):
        CsgKnowledge.read(found).filters(0, 0.5)


def test_twin_and_gated_learn_alike_until_the_first_gated_epoch(
    model: ModelAdapter, colours: Any
) -> None:
    logs = [
        csg(gate=gate).fit(model, colours(60), Context()).about["log"] for gate in (True, False)
    ]
    for one, other in zip(logs[0][:2], logs[1][:2], strict=True):
        assert one["loss"] == other["loss"] and one["mis"] == other["mis"]
    assert logs[0][2]["loss"] != logs[1][2]["loss"]


def test_fresh_forgets_the_weights(make: Callable[..., ModelAdapter], colours: Any) -> None:
    """Two different networks, forgotten with one seed, are trained to the same."""
    state = torch.get_rng_state()
    found = [csg(fresh=True).fit(make(seed), colours(30), Context(seed=2)) for seed in (0, 1)]
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(*pair) for pair in zip(*map(weights, found), strict=True))
    kept = [csg().fit(make(seed), colours(30), Context(seed=2)) for seed in (0, 1)]
    assert not torch.equal(weights(kept[0])[0], weights(kept[1])[0])


def test_a_new_head_is_drawn_by_the_seed(model: ModelAdapter, colours: Any) -> None:
    found = []
    for elsewhere in (1, 2):
        with torch.random.fork_rng():
            torch.manual_seed(elsewhere)
            state = torch.get_rng_state()
            found.append(csg(new_head=True).fit(model, colours(30), Context(seed=2)))
            assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(*pair) for pair in zip(*map(weights, found), strict=True))


def test_only_named_parts_change(model: ModelAdapter, colours: Any) -> None:
    found = csg(train=("last", "head")).fit(model, colours(30), Context())
    assert found.made is not None
    before, after = model.module().state_dict(), found.made.module().state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {"last.0.weight", "head.weight"} <= changed
    assert not {"first.0.weight", "first.1.weight"} & changed


def test_what_the_command_says_of_batches_counts(model: ModelAdapter, colours: Any) -> None:
    told: list[int | None] = []
    context = Context(
        budget=Budget(batch_size=18), progress=lambda label, _, total: told.append(total)
    )
    csg().fit(model, colours(60), context)
    assert told[-1] == 6 * 3
    with pytest.raises(InputError, match=r"--batch-size 1: .*greater than or equal to 2"):
        csg().fit(model, colours(60), Context(budget=Budget(batch_size=1)))


@pytest.mark.parametrize(
    ("said", "data", "message"),
    [
        (
            {},
            {"names": ("blue", "green", "pink"), "count": 30},
            "3 classes .pink. are none.*--new-head",
        ),
        ({}, {"names": ("blue", "green"), "count": 30}, r"no images of 1 of .*\(red\).*--new-head"),
        ({"new_head": True}, {"names": ("blue",), "count": 30}, "found 1 class in the data"),
        ({}, {"count": 4}, "fewer than two images of green, red"),
        ({}, {"count": 6, "labels": (0, 1, 2, 0, 1, 3)}, "label 3; expected 0 to 2"),
        ({"gate_rate": 1e-4}, {"count": 30}, "gates can travel 0.0008 in 2 gated epochs of 4"),
        ({"gate_optimizer": "sgd"}, {"count": 30}, "choose --gate-optimizer adam"),
    ],
)
def test_bad_input(
    model: ModelAdapter, colours: Any, said: dict[str, Any], data: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        csg(**said).fit(model, colours(**data), Context())


def test_shards_are_refused(model: ModelAdapter, colours: Any) -> None:
    context = Context(budget=Budget(shard=(0, 2)))
    with pytest.raises(InputError, match="not learned in parts"):
        csg().fit(model, colours(), context)


def test_a_model_that_is_no_module_is_refused(colours: Any) -> None:
    toy = ToyModel()
    toy.capabilities = toy.capabilities - {"module"}
    with pytest.raises(UnsupportedError, match="needs MODULE"):
        csg().fit(toy, colours(), Context())


def test_a_loss_that_explodes_names_its_epoch(
    model: ModelAdapter, colours: Any, tmp_path: Path
) -> None:
    context = Context(checkpoint=tmp_path)
    with pytest.raises(InputError, match=r"NaN or infinite in epoch 2; the state after epoch 1 is"):
        csg(gated_rate=1e30).fit(model, colours(60), context)
    found = csg().fit(model, colours(60), context)  # goes on with a smaller rate
    assert len(found.about["log"]) == 6


def test_a_model_that_was_not_trained_so(model: ModelAdapter, colours: Any) -> None:
    from interp.target import Target

    with pytest.raises(InputError, match="was not trained with class-specific gates"):
        csg().explain(model, [colours()[0].image], [Target(0, "blue")], None, Context())
