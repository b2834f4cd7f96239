"""Receptive fields against the gradient's support: which input pixels move a cell."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from interp.spec import ReceptiveField

SIZE = 40


class OneSided(nn.Module):
    """Padding on the right and below only, as TensorFlow's SAME at stride 2."""

    def __init__(self) -> None:
        super().__init__()
        self.pad = nn.ZeroPad2d((0, 1, 0, 1))
        self.stem = nn.Conv2d(3, 4, 3, stride=2)
        self.pool = nn.AvgPool2d(2)
        self.mean = nn.AvgPool2d(3, stride=1, padding=1)
        self.wide = nn.Conv2d(4, 4, (1, 3), dilation=2, padding=(0, 2))
        self.most = nn.MaxPool2d(2)

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.mean(self.pool(self.stem(self.pad(image))))
        return self.most(self.wide(hidden)).mean((2, 3))


class Merges(nn.Module):
    """A sum of two windows, one of them moved, a concatenation, a subsampled shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.far = nn.Conv2d(3, 4, 7, stride=2, padding=1)
        self.act = nn.Hardswish()
        self.both = nn.Conv2d(8, 4, 1)
        self.last = nn.GELU()

    def forward(self, image: Tensor) -> Tensor:
        far = functional.pad(self.far(image), (2, 0, 1, 1))
        near = self.near(image)
        shortcut = functional.pad(image[:, :, 1::2, 1::2], (0, 0, 0, 0, 0, 1))
        merged = self.both(torch.cat([self.act(near + far), shortcut], 1))
        return self.last(merged).mean((2, 3))


class AtTheEnd(nn.Module):
    """Channels moved to the end and back, with a linear layer between."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 4, stride=4)
        self.norm = nn.LayerNorm(4)
        self.mix = nn.Linear(4, 4)
        self.back = nn.Identity()

    def forward(self, image: Tensor) -> Tensor:
        hidden = self.mix(self.norm(self.stem(image).permute(0, 2, 3, 1)))
        return self.back(hidden.permute(0, 3, 1, 2)).mean((2, 3))


def support(module: nn.Module, layer: str, cell: tuple[int, int]) -> tuple[int, int, int, int]:
    """First and last row and column of the pixels that move one cell of a layer."""
    image = torch.rand(1, 3, SIZE, SIZE, requires_grad=True)
    kept = []
    handle = module.get_submodule(layer).register_forward_hook(
        lambda _, __, output: kept.append(output)
    )
    module(image)
    handle.remove()
    gradient = torch.autograd.grad(kept[0][0, :, cell[0], cell[1]].sum(), image)[0]
    rows, columns = (gradient.abs().sum((0, 1)) > 0).nonzero().T
    return rows.min().item(), rows.max().item(), columns.min().item(), columns.max().item()


def reach(field: ReceptiveField, axis: int, cell: int) -> tuple[float, float]:
    """First and last pixel of a cell's field, cut off at the image."""
    centre = field.offset[axis] + cell * field.stride[axis]
    low, high = centre - field.size[axis] / 2, centre + field.size[axis] / 2
    return max(low, 0), min(high, SIZE) - 1


@pytest.mark.parametrize("kind", [OneSided, Merges, AtTheEnd])
@pytest.mark.parametrize("cell", [(2, 3), (3, 4), (4, 2)])
def test_field_is_the_support_of_the_gradient(open_on_cpu, kind: type, cell: tuple) -> None:
    torch.manual_seed(0)
    module = kind().eval()
    with torch.no_grad():
        for each in module.parameters():
            each.copy_(torch.rand_like(each) + 0.1)  # every weight counts
    for layer in open_on_cpu(module, SIZE).layers():
        if layer.layout != "NCHW" or layer.kind == "MaxPool2d":
            continue  # a maximum's gradient shows only its largest value
        top, bottom, left, right = support(module, layer.name, cell)
        assert layer.field is not None
        assert reach(layer.field, 0, cell[0]) == pytest.approx((top, bottom))
        assert reach(layer.field, 1, cell[1]) == pytest.approx((left, right))


def test_one_sided_padding_moves_the_centre(open_on_cpu) -> None:
    fields = {layer.name: layer.field for layer in open_on_cpu(OneSided(), SIZE).layers()}
    assert fields["pad"] == ReceptiveField(size=(1, 1), stride=(1, 1), offset=(0.5, 0.5))
    assert fields["stem"] == ReceptiveField(size=(3, 3), stride=(2, 2), offset=(1.5, 1.5))
    assert fields["pool"] == ReceptiveField(size=(5, 5), stride=(4, 4), offset=(2.5, 2.5))
    assert fields["wide"] == ReceptiveField(size=(13, 29), stride=(4, 4), offset=(2.5, 2.5))
    assert fields["most"] == ReceptiveField(size=(17, 33), stride=(8, 8), offset=(4.5, 4.5))


def test_a_global_gate_does_not_move_a_cell(open_on_cpu) -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 4, 4, stride=4)
            self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1), nn.Sigmoid())
            self.after = nn.ReLU()

        def forward(self, image: Tensor) -> Tensor:
            hidden = self.stem(image)
            return self.after(hidden * self.gate(hidden)).mean((2, 3))

    fields = {layer.name: layer.field for layer in open_on_cpu(Gated(), SIZE).layers()}
    assert fields["stem"] is not None
    assert fields["after"] == fields["stem"]
    assert fields["gate"] is None


def test_nothing_is_known_after_the_whole_image_was_mixed(open_on_cpu) -> None:
    class Mixes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 4, 4, stride=4)
            self.mix = nn.Linear(100, 100)
            self.after = nn.Conv2d(4, 4, 1)
            self.pool = nn.AdaptiveAvgPool2d(1)

        def forward(self, image: Tensor) -> Tensor:
            hidden = self.stem(image)
            mixed = self.mix(hidden.flatten(2)).reshape(hidden.shape) + hidden
            return self.pool(self.after(mixed)).flatten(1)

    fields = {layer.name: layer.field for layer in open_on_cpu(Mixes(), SIZE).layers()}
    assert fields["stem"] is not None
    assert fields["after"] is None
    assert fields["pool"] is None
