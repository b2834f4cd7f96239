"""Exported programs: layers by metadata, cuts without a module."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from interp.errors import ModelError, UnsupportedError
from interp.spec import Capability, ModelOptions
from interp.target import Target
from interp_torch.adapter import TorchAdapter
from interp_torch.cut import GraphCut
from interp_torch.opening import open_model


class Residual(nn.Module):
    """In-place work around a skip connection."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.block = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6))
        self.act = nn.ReLU(inplace=True)
        self.fc = nn.Linear(6, 5)

    def forward(self, image: Tensor) -> Tensor:
        skip = self.stem(image)
        hidden = self.block(skip)
        hidden += skip
        return self.fc(self.act(hidden).mean((2, 3)))


@pytest.fixture(scope="module")
def save(tmp_path_factory) -> Callable[..., Path]:
    def saved(module: nn.Module, free: bool = True) -> Path:
        dynamic = ({0: torch.export.Dim.DYNAMIC},) if free else None
        program = torch.export.export(
            module.eval(), (torch.rand(2, 3, 16, 16),), dynamic_shapes=dynamic
        )
        path = tmp_path_factory.mktemp("program") / "net.pt2"
        torch.export.save(program, path)
        return path

    return saved


@pytest.fixture(scope="module")
def both(save) -> tuple[TorchAdapter, TorchAdapter]:
    """One model as a file and as a module."""
    torch.manual_seed(0)
    module = Residual()
    options = ModelOptions(device="cpu")
    live = options.model_copy(update={"input": {"size": (16, 16)}})
    return open_model(str(save(module)), options), open_model(module, live)


def test_a_file_equals_its_module_at_every_layer(both) -> None:
    program, live = both
    images = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(program.predict(images), live.predict(images))
    names = [layer.name for layer in program.layers()]
    assert names == ["stem", "block.0", "block.1", "block", "act", "fc"]
    assert set(names) <= {layer.name for layer in live.layers()}
    for name in names:
        ours, theirs = program.cut(name), live.cut(name)
        assert isinstance(ours, GraphCut)
        frontier, other = ours.prefix(images), theirs.prefix(images)
        torch.testing.assert_close(frontier.activation, other.activation)
        torch.testing.assert_close(program.activations(images, [name])[name], other.activation)
        for batch in (2, 3, 2):
            activation = torch.rand(batch, *frontier.activation.shape[1:])
            expected = theirs.suffix(other, activation)
            torch.testing.assert_close(ours.suffix(frontier, activation), expected)


def test_a_file_has_size_gradients_and_no_module(both) -> None:
    program, live = both
    assert program.spec.input.size == (16, 16)
    assert not any("size" in note for note in program.spec.notes)
    images, targets = torch.rand(2, 3, 16, 16), [Target(1, "class 1")]
    torch.testing.assert_close(program.gradient(images, targets), live.gradient(images, targets))
    assert Capability.MODULE not in program.capabilities
    with pytest.raises(UnsupportedError, match="MODULE"):
        program.module()
    for ours, theirs in zip(program.layers(), live.layers()[:4], strict=False):
        assert (ours.field, ours.grid, ours.kind) == (theirs.field, theirs.grid, theirs.kind)


def test_derivatives_agree(both) -> None:
    images, targets = torch.rand(1, 3, 16, 16), [Target(1, "class 1"), Target(0, "a", 2)]
    found = []
    for model in both:
        cut = model.cut("block")
        frontier = cut.prefix(images)
        directions = torch.ones_like(frontier.activation).repeat(2, 1, 1, 1)
        found.append(cut.derivative(frontier, directions, targets, "prob"))
    torch.testing.assert_close(*found)


def test_a_file_for_one_batch_size_is_refused(save) -> None:
    with pytest.raises(ModelError, match=r"2 image\(s\) at a time; export it again"):
        open_model(str(save(Residual(), free=False)), ModelOptions(device="cpu"))
