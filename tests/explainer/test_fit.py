"""Learning from end to end on a tiny network: the log, resume, ONNX, crops, bad input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interp.context import Budget, Context
from interp.dataset import write_coco
from interp.errors import Cancelled, InputError
from interp.knowledge import Knowledge
from interp.model import ModelAdapter
from interp.opening.source import open_model
from interp.registry import Registry
from interp.request import Request
from interp.run import fit, run
from interp.spec import ModelOptions
from interp_explainer.fit import training_notes
from interp_explainer.knowledge import TrainedExplainer
from interp_explainer.object_crop import ObjectCrops

SIZE = 16


def test_features_are_rebuilt(model: ModelAdapter, squares: Any, method: Any) -> None:
    log = method(epochs=30, contribution=0.0).fit(model, squares(), Context()).about["log"]
    for layer in ("relu1", "relu2"):
        assert log[-1][f"held error {layer}"] < 0.5 * log[0][f"error {layer}"]


def test_the_log(learned: Knowledge) -> None:
    log = learned.about["log"]
    assert ["information" in row for row in log] == [False] + [True] * 5
    assert all(0 < row["coverage"] < 1 for row in log)
    assert log[-1]["p"] != 0.5
    assert learned.about["layers"]["second.1"]["held"] == 4


def test_the_model_is_not_touched(model: ModelAdapter, squares: Any, method: Any) -> None:
    before = [each.clone() for each in model.module().state_dict().values()]
    state = torch.get_rng_state()
    method(epochs=1).fit(model, squares(12), Context())
    assert torch.equal(state, torch.get_rng_state())
    after = model.module().state_dict().values()
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    assert not model.module().training
    assert all(each.grad is None for each in model.module().parameters())


def test_a_cancelled_training_goes_on_with_the_same_weights(
    model: ModelAdapter, squares: Any, method: Any, learned: Knowledge, tmp_path: Path
) -> None:
    data, calls = squares(), []

    def stop() -> bool:
        calls.append(1)
        return len(calls) > len(data) + 8  # in the third epoch of three steps

    with pytest.raises(Cancelled):
        method().fit(model, data, Context(cancelled=stop, checkpoint=tmp_path))
    assert list(tmp_path.glob("training-*.pt"))
    resumed = method().fit(model, data, Context(checkpoint=tmp_path))
    assert learned.about["log"] == resumed.about["log"]
    for name, values in learned.arrays.items():
        assert np.array_equal(values, resumed.arrays[name]), name
    other = method().fit(model, data, Context(seed=6))
    assert not np.array_equal(learned.arrays["interp1.weight"], other.arrays["interp1.weight"])


@pytest.mark.slow
def test_what_a_network_teaches_explains_its_export(
    model: ModelAdapter, squares: Any, learned: Knowledge, tmp_path: Path
) -> None:
    learned.save(tmp_path / "K")
    model.export(tmp_path / "m.onnx")
    registry, found = Registry.load(), []
    for each in (model, open_model(str(tmp_path / "m.onnx"), ModelOptions(device="cpu"), registry)):
        request = Request(method="explainer", targets=("1",), knowledge=str(tmp_path / "K"))
        result = run(request, registry=registry, model=each, images=[squares()[1].image])
        found.append(result.explanation.named("contributions").values)
    np.testing.assert_allclose(found[0], found[1], atol=1e-3 * np.abs(found[0]).max())


def test_a_residual_network(residual: ModelAdapter, squares: Any, method: Any) -> None:
    found = method(layer="stem", epochs=4).fit(residual, squares(), Context())
    log = found.about["log"]
    assert log[-1]["held error stage"] < log[0]["held error stage"]
    assert {"error stage", "error pool"} <= log[0].keys()


def test_images_without_classes_from_a_folder(
    model: ModelAdapter, squares: Any, tmp_path: Path
) -> None:
    """Plain images in a folder, through the registry; unreadable ones are counted."""
    import cv2

    for index in range(14):
        cv2.imwrite(str(tmp_path / f"{index}.png"), squares()[index].image[..., ::-1])
    (tmp_path / "broken.png").write_text("no picture")
    params = {"epochs": 1, "batch_size": 6}
    request = Request(method="explainer", data=str(tmp_path), params=params)
    found = fit(request, registry=Registry.load(), model=model)
    assert "1 unreadable image was left out" in found.about["notes"][0]


def test_crops_are_the_largest_object_with_its_parts(squares: Any) -> None:
    data = squares()
    whole, cut = data[5], ObjectCrops(data, 1.0)[5]
    left, top, _, _ = (int(each) for each in whole.instances[0].box)
    assert np.array_equal(cut.image, whole.image[top : top + 8, left : left + 8])
    for before, after in zip(whole.instances[0].parts, cut.instances[0].parts, strict=True):
        assert after.centre == (before.centre[0] - left, before.centre[1] - top)
    mask = cut.instances[0].parts[0].mask
    assert mask is not None and mask[:, :4].all() and not mask[:, 4:].any()
    assert cut.instances[0].box == (0, 0, 8, 8) and cut.label == whole.label


def test_learning_from_crops(
    model: ModelAdapter, squares: Any, method: Any, tmp_path: Path
) -> None:
    folder = write_coco(squares(20), tmp_path / "data")
    from interp.dataset import open_dataset

    found = method(epochs=1, crop=1.0).fit(model, open_dataset(folder), Context())
    known = TrainedExplainer.read(model, found)
    assert known.data(squares())[0].image.shape == (8, 8, 3)


@pytest.mark.parametrize(
    ("options", "count", "message"),
    [
        ({}, 3, "found 3 images to learn from; expected 4 or more"),
        ({"layer": "relu1"}, 20, "choose one with a grid"),
        ({"layer": "nowhere"}, 20, "no layer 'nowhere'"),
        ({"decode": ("relu2", "relu1")}, 20, "in the order"),
        ({"rate": 1e30, "epochs": 3}, 20, "became NaN or infinite in epoch"),
    ],
)
def test_bad_input(
    model: ModelAdapter,
    squares: Any,
    method: Any,
    options: dict[str, Any],
    count: int,
    message: str,
) -> None:
    with pytest.raises(Exception, match=message):
        method(**options).fit(model, squares(count), Context())


def test_shards_are_refused_and_the_command_s_batches_count(
    model: ModelAdapter, squares: Any, method: Callable[..., Any]
) -> None:
    with pytest.raises(InputError, match="not learned in parts"):
        method().fit(model, squares(), Context(budget=Budget(shard=(0, 2))))
    totals: list[int | None] = []
    context = Context(
        budget=Budget(batch_size=18), progress=lambda label, _, total: totals.append(total)
    )
    method().fit(model, squares(), context)
    assert totals[-1] == 6 * 2


def test_a_crop_needs_boxes(model: ModelAdapter, tmp_path: Path, squares: Any, method: Any) -> None:
    import cv2

    from interp.dataset import open_dataset

    for index in range(6):
        cv2.imwrite(str(tmp_path / f"{index}.png"), squares()[index].image)
    with pytest.raises(InputError, match=r"found 0 images to learn from.*no box"):
        method(crop=1.0).fit(model, open_dataset(tmp_path), Context())


def test_what_went_wrong_is_said() -> None:
    good = {"coverage": 0.3, "held error relu1": 0.1, "p": 2.0}
    assert not training_notes([]) and not training_notes([good])
    (silent,) = training_notes([good, {**good, "coverage": 0.0}])
    assert "no part filter is active" in silent
    (poor,) = training_notes([{**good, "held error relu1": 3.21, "error relu1": 5.0}])
    assert "relu1 with 3.2;" in poor and "--start scaled" in poor
