"""Gates folded into the next linear layer give what gating the activation gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from interp.cut import Cut
from interp.spec import ModelOptions
from interp_onnx.cut import OnnxCut
from interp_onnx.opening import open_model as open_file
from interp_torch.cut import GraphCut
from interp_torch.gating import find_ablation
from interp_torch.opening import open_model

SIZE = 16
OPTIONS = ModelOptions(input={"size": (SIZE, SIZE)})


class Tail(nn.Module):
    """Two convolutions and a tail of the given kind."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.first = nn.Conv2d(3, 5, 3, stride=2, padding=1)
        self.last = nn.Conv2d(5, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(3, 2, 1)
        flat = 6 * 16 if kind in ("flat", "inplace", "function") else 6
        self.fc1 = nn.Linear(flat, 9, bias=kind != "function")
        self.fc2 = nn.Linear(9, 4)
        self.norm.running_mean.data.uniform_(-1, 1)
        self.norm.bias.data.uniform_(-1, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.last(torch.relu(self.first(x)))
        if self.kind == "inplace":
            x = torch.flatten(self.pool(self.relu(x)), 1)
        elif self.kind == "flat":
            x = self.pool(F.hardtanh(x, 0, 6)).flatten(1)
        elif self.kind == "function":
            return self.fc2(
                F.relu(
                    F.linear(F.dropout(self.pool(x), training=False).flatten(1), self.fc1.weight)
                )
            )
        elif self.kind == "mean":
            x = x.mean((2, 3))
        elif self.kind == "norm":
            x = self.norm(x).mean((2, 3))
        elif self.kind == "softmax":
            x = x.softmax(1).mean((2, 3))
        elif self.kind == "branch":
            return self.fc2(F.relu(self.fc1(x.mean((2, 3))))) + x.amax((1, 2, 3))[:, None]
        return self.fc2(torch.relu(self.fc1(x)))


@pytest.fixture(params=["PyTorch", "ONNX"])
def cut(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Cut]:
    """cut(kind): a network with such a tail, or the file that it exports, cut before the tail."""

    def made(kind: str) -> Cut:
        with torch.random.fork_rng():
            torch.manual_seed(1)
            model = open_model(Tail(kind).eval(), OPTIONS)
        if request.param == "ONNX":
            if kind == "norm":
                pytest.skip("exporting merges the layer with its batch norm")
            model.export(tmp_path / "tail.onnx")
            model = open_file(str(tmp_path / "tail.onnx"), OPTIONS)
        found = model.cut("last")
        assert isinstance(found, GraphCut | OnnxCut)
        return found

    return made


@pytest.mark.parametrize(
    "kind", ["flat", "inplace", "function", "mean", "norm", "softmax", "branch"]
)
def test_gates_equal_the_gated_suffix(cut: Callable[[str], Cut], kind: str) -> None:
    found = cut(kind)
    random = torch.Generator().manual_seed(0)
    for _ in range(2):
        frontier = found.prefix(torch.rand(1, 3, SIZE, SIZE, generator=random))
        kept = frontier.activation.clone()
        gates = found.gates(frontier)
        for batch in (1, 5, 5):
            states = (torch.rand(batch, 6, generator=random) > 0.4).to(torch.uint8)
            expected = found.suffix(frontier, kept * states[:, :, None, None])
            torch.testing.assert_close(gates(states), expected, rtol=1e-5, atol=1e-6)
            plain = Cut.gates(found, frontier)(states)
            torch.testing.assert_close(plain, expected, rtol=1e-5, atol=1e-6)
        assert torch.equal(frontier.activation, kept)


@pytest.mark.parametrize("kind", ["flat", "inplace", "mean", "norm", "softmax", "branch"])
@pytest.mark.parametrize("sign", [1, -1])
def test_parts_mixed_equal_the_suffix_of_their_sum(
    cut: Callable[[str], Cut], kind: str, sign: int
) -> None:
    """Of these tails only the mean is linear, so that only there parts are folded."""
    found = cut(kind)
    random = torch.Generator().manual_seed(0)
    frontier = found.prefix(torch.rand(1, 3, SIZE, SIZE, generator=random))
    parts = torch.rand(4, *frontier.activation.shape[1:], generator=random)
    parts[1] *= sign
    mixing = found.mixing(frontier, parts)
    for batch in (1, 5, 3):
        gates = torch.rand(batch, 4, generator=random)
        expected = found.suffix(frontier, torch.tensordot(gates, parts, 1))
        torch.testing.assert_close(mixing(gates), expected, rtol=1e-5, atol=1e-6)
    assert (mixing.nbytes == 9 * 4) == (kind == "mean")


@pytest.mark.parametrize(
    ("kind", "folds"),
    [
        ("flat", True),
        ("inplace", True),
        ("function", True),
        ("mean", True),
        ("norm", False),
        ("softmax", False),
        ("branch", False),
    ],
)
def test_folds_only_what_gates_commute_with(
    cut: Callable[[str], Cut], kind: str, folds: bool
) -> None:
    found = cut(kind)
    gates = found.gates(found.prefix(torch.rand(1, 3, SIZE, SIZE)))
    assert (gates.nbytes == 9 * 4) == folds


class Rows(nn.Module):
    """Maps (N, h, w, C) of two rows, which are not taken for two channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.act, self.fc = nn.Conv2d(3, 8, 8, 8), nn.ReLU(), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.act(self.stem(x).permute(0, 2, 3, 1)).mean((1, 2)))


def test_gates_on_maps_with_channels_last() -> None:
    options = OPTIONS.model_copy(update={"input": {**OPTIONS.input, "size": (16, 16)}})
    cut = open_model(Rows().eval(), options).cut("act")
    frontier = cut.prefix(torch.rand(1, 3, 16, 16))
    gates = (torch.rand(5, 8) < 0.5).float()
    expected = cut.suffix(frontier, frontier.activation * gates[..., None, None])
    torch.testing.assert_close(cut.gates(frontier)(gates), expected)


class Branches(nn.Module):
    """A map read by two convolutions of other strides, as a residual block with a projection."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 7, 3, 2, 1)
        self.wide = nn.Conv2d(7, 5, 3, 2, 1)
        self.skip = nn.Conv2d(7, 5, 1, 2, bias=False)
        self.norm = nn.BatchNorm2d(5)
        self.act = nn.ReLU(inplace=True)
        self.last = nn.Conv2d(5, 6, 3, padding=2, dilation=2)
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.act(self.norm(self.wide(x)) + self.skip(x))
        return self.head(self.act(self.last(x)).mean((2, 3)))


def test_one_channel_closed_at_a_time() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        model = open_model(Branches().eval(), OPTIONS)
    cut = model.cut("stem")
    assert isinstance(cut, GraphCut) and find_ablation(cut.split.suffix) is not None
    frontier = cut.prefix(torch.rand(1, 3, SIZE, SIZE))
    kept, gates = frontier.activation.clone(), cut.gates(frontier)
    single = 1 - torch.eye(7, dtype=torch.uint8)
    mixed = torch.cat([single, torch.ones(1, 7, dtype=torch.uint8)])
    for states in (single, single[:1], single.flip(0), mixed, single.float() * 0.5 + 0.5):
        expected = cut.suffix(frontier, kept * states[:, :, None, None])
        torch.testing.assert_close(gates(states), expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(frontier.activation, kept)
