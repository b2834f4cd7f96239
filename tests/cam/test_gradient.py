"""A cut's gradient: by autograd and value by value, in every layout, and on ONNX."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.cam_formula import NETWORKS, network
from support.families import SIZE

import interp
from interp.cut import Cut
from interp.errors import InputError
from interp.model import ModelAdapter
from interp.spec import ModelOptions
from interp.target import Target

OPTIONS = ModelOptions(
    input={"size": (SIZE, SIZE), "mean": (0.0,) * 3, "std": (1.0,) * 3}, device="cpu"
)
TARGETS = [Target(0, "a"), Target(1, "b"), Target(1, "b, not a", 0)]
LAST = [(layout, layers[-1]) for layout, (_, layers) in NETWORKS.items()]


def opened(layout: str) -> ModelAdapter:
    return interp.open_model(network(layout, 1), options=OPTIONS)


def images(count: int) -> torch.Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3))


def close(found: torch.Tensor, expected: torch.Tensor, tolerance: float) -> bool:
    return bool((found - expected).abs().max() <= tolerance * expected.abs().max())


@pytest.mark.parametrize("output", ["logit", "prob"])
@pytest.mark.parametrize(("layout", "layer"), LAST)
def test_value_by_value_it_is_the_gradient(layout: str, layer: str, output: str) -> None:
    """And so are derivatives along directions."""
    cut = opened(layout).cut(layer)
    frontier = cut.prefix(images(1))
    found = cut.gradient(frontier, TARGETS, output)
    assert cut.one_pass and found.shape == (3, *frontier.activation.shape[1:])
    slowly = Cut.gradient(cut, frontier, TARGETS, output)
    assert close(found, slowly, 1e-5)
    directions = torch.randn(5, *found.shape[1:], generator=torch.Generator().manual_seed(0))
    along = cut.derivative(frontier, directions, TARGETS, output)
    assert close(along, torch.einsum("mchw,tchw->mt", directions, found), 1e-4)


@pytest.mark.parametrize(("layout", "layer"), LAST)
def test_each_image_may_have_its_own_target(layout: str, layer: str) -> None:
    cut, pixels = opened(layout).cut(layer), images(3)
    together = cut.gradient(cut.prefix(pixels), TARGETS, "logit")
    alone = [
        cut.gradient(cut.prefix(each[None]), [target], "logit")
        for each, target in zip(pixels, TARGETS, strict=True)
    ]
    assert close(together, torch.cat(alone), 1e-5)


def test_images_without_a_target_each_are_refused() -> None:
    cut = opened("NCHW").cut("act")
    with pytest.raises(InputError, match="2 images for 3 targets"):
        cut.gradient(cut.prefix(images(2)), TARGETS, "logit")


@pytest.mark.parametrize("layout", NETWORKS)
def test_a_file_has_the_same_gradient(layout: str, tmp_path: Path) -> None:
    model = opened(layout)
    model.export(tmp_path / "net.onnx")
    file = interp.open_model(str(tmp_path / "net.onnx"), options=ModelOptions(device="cpu"))
    known = {each.name for each in file.maps()}
    layer = next(each.name for each in reversed(model.maps()) if each.name in known)
    pixels, told = images(1), []
    cuts = [each.cut(layer) for each in (model, file)]
    assert [each.one_pass for each in cuts] == [True, True]
    first, second = (
        cut.gradient(cut.prefix(pixels), TARGETS, "prob", lambda *step: told.append(step))
        for cut in cuts
    )
    assert close(second, first, 1e-4)
    assert told == [(3, 3), (3, 3)]
    own = getattr(cuts[1], "inner", cuts[1])
    own.program = None  # as where PyTorch lacks an operation
    third = cuts[1].gradient(
        cuts[1].prefix(pixels), TARGETS, "prob", lambda *step: told.append(step)
    )
    assert close(third, first, 1e-3)
    total = told[-1][1]
    assert told[-1][0] == total >= first[0].numel() and len(told) > 3


def test_it_can_be_stopped_between_batches() -> None:
    cut = opened("NCHW").cut("act")
    done = []

    def stop(step: int, total: int) -> None:
        done.append(step)
        if step >= 128:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Cut.gradient(cut, cut.prefix(images(1)), TARGETS[:1], "logit", stop)
    assert done == [64, 128]
