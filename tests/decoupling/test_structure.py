"""Which convolutions are controlled, in plain, residual, branching and torchvision networks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from interp.errors import InputError, UnsupportedError
from interp_decoupling.build import Layout, insert
from interp_decoupling.structure import Place, find_places


def test_plain(make: Any) -> None:
    assert find_places(make().module()) == [
        Place("mid.0", "mid.1", True, ()),
        Place("last", None, True, ("mid.0",)),
    ]


def test_residual(make: Any) -> None:
    assert find_places(make("residual").module()) == [
        Place("conv1", "norm1", True, ()),
        Place("conv2", "norm2", False, ("conv1",)),
        Place("skip.0", "skip.1", False, ()),
    ]


def test_named_ones_alone_are_fed_by_each_other(make: Any) -> None:
    assert find_places(make().module(), ["last"]) == [Place("last", None, True, ())]
    with pytest.raises(InputError, match=r"'stem\.0' cannot be controlled; "):
        find_places(make().module(), ["stem.0"])


class Branches(nn.Module):
    """Two branches side by side, a grouped convolution, and one that answers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.left, self.right = nn.Conv2d(4, 3, 1), nn.Conv2d(4, 5, 1)
        self.join = nn.Conv2d(8, 6, 1)
        self.deep = nn.Conv2d(6, 6, 3, groups=6)
        self.answer = nn.Conv2d(6, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x).relu()
        x = torch.cat([self.left(x).relu(), torch.relu(self.right(x))], 1)
        return self.answer(self.deep(self.join(x))).mean((2, 3))


def test_branches() -> None:
    found = {each.name: each for each in find_places(Branches().eval())}
    assert list(found) == ["left", "right", "join"]
    assert found["join"] == Place("join", None, False, ("left", "right"))
    assert found["left"].rectified and found["right"].rectified


@pytest.mark.parametrize(
    ("name", "count"), [("vgg16", 12), ("vgg16_bn", 12), ("resnet18", 19), ("resnet50", 52)]
)
def test_torchvision(name: str, count: int) -> None:
    """The notes count 12 in VGG-16 and 16 + 3 in ResNet-18."""
    import torchvision

    with torch.device("meta"):
        network = getattr(torchvision.models, name)(weights=None).eval()
    found = find_places(network)
    assert len(found) == count and "conv1" not in {each.name for each in found}
    assert all(each.norm for each in found) == (name != "vgg16")
    if name.startswith("vgg"):
        assert [len(each.fed) for each in found] == [0] + [1] * 11
    else:
        assert sum(not each.rectified for each in found) == {"resnet18": 11, "resnet50": 20}[name]


def test_networks_that_cannot() -> None:
    class Branching(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.mean() > 0 else -x

    with pytest.raises(UnsupportedError, match=r"cannot be traced by torch\.fx"):
        find_places(Branching())
    with pytest.raises(UnsupportedError, match="found no convolution to control"):
        find_places(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2, 2)))


def test_twice_is_refused(make: Any) -> None:
    import copy

    network = copy.deepcopy(make().module())
    insert(network, Layout(places=tuple(find_places(network))))
    with pytest.raises(InputError, match="has controlling modules already"):
        find_places(network)


def test_inserting_leaves_the_generator_and_flags(make: Any) -> None:
    import copy

    network, state = copy.deepcopy(make().module()).eval(), torch.get_rng_state()
    insert(network, Layout(places=tuple(find_places(network))))
    assert torch.equal(state, torch.get_rng_state())
    assert not any(each.training for each in network.modules())
    assert isinstance(network.mid[1], nn.Identity)  # type: ignore[index]


@pytest.mark.parametrize("kind", ["plain", "residual"])
def test_gated_maps_by_hand(make: Any, kind: str) -> None:
    """Against the plain network whose maps after ReLU are multiplied, as the paper has it."""
    import copy

    plain = make(kind).module()
    network = copy.deepcopy(plain)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        insert(network, Layout(places=tuple(find_places(network))))
        for each in network.modules():
            if hasattr(each, "expand"):
                nn.init.normal_(each.expand.bias)
    images = torch.randn(4, 3, 12, 12)
    with torch.no_grad():
        found = network(images)
        expected = (
            _plain(plain, network, images) if kind == "plain" else _residual(plain, network, images)
        )
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


def _codes(layer: Any, x: torch.Tensor) -> torch.Tensor:
    codes: torch.Tensor = layer.control(x)[:, :, None, None]
    assert 0 < codes.mean() < 1
    return codes


def _plain(plain: Any, network: Any, images: torch.Tensor) -> torch.Tensor:
    x = plain.stem(images)
    x = plain.pool(plain.mid(x) * _codes(network.mid[0], x))
    x = plain.last(x).relu() * _codes(network.last, x)
    return plain.head(x.mean((2, 3)))


def _residual(plain: Any, network: Any, images: torch.Tensor) -> torch.Tensor:
    x = plain.stem(images).relu()
    inner = plain.norm1(plain.conv1(x)).relu() * _codes(network.conv1, x)
    inner = plain.norm2(plain.conv2(inner)) * _codes(network.conv2, inner)
    x = (inner + plain.skip(x) * _codes(network.skip[0], x)).relu()
    return plain.head(x.mean((2, 3)))
