"""What is found out about a model's layers is kept for the next process that opens it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from interp.opening.source import open_model
from interp.spec import ModelOptions
from interp.storage import cache
from interp_onnx.adapter import OnnxAdapter
from interp_torch import adapter, graph

OPTIONS = ModelOptions(input={"size": (32, 32)}, device="cpu")


class Network(nn.Module):
    """Two convolutions of which the second can be left out, though its weights are there."""

    def __init__(self, both: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.both = both
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
        self.head = nn.Linear(4, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        hidden = self.first(image).relu()
        hidden = self.second(hidden) if self.both else hidden
        return self.head(hidden.mean((2, 3)))


@pytest.fixture
def count(monkeypatch, tmp_path):
    """How often layers were looked at and graphs checked so far."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "kept"))
    counted = {"layers": 0, "checks": 0}

    def counting(what, inner):
        def call(*args, **kwargs):
            counted[what] += 1
            return inner(*args, **kwargs)

        return call

    found = OnnxAdapter._find_layers
    monkeypatch.setattr(adapter, "observe", counting("layers", adapter.observe))
    monkeypatch.setattr(OnnxAdapter, "_find_layers", counting("layers", found))
    monkeypatch.setattr(graph, "close", counting("checks", graph.close))
    return counted


@pytest.fixture(params=["module", "onnx", "pt2"])
def source(request, registry, tmp_path):
    """The network as a module, or as a file of it."""

    def made(network):
        if request.param == "module":
            return network
        file = tmp_path / f"network.{request.param}"
        if request.param == "onnx":
            open_model(network, OPTIONS, registry).export(file)
        else:
            images = torch.rand(2, 3, 32, 32)
            batch = ({0: torch.export.Dim.DYNAMIC},)
            torch.export.save(torch.export.export(network, (images,), dynamic_shapes=batch), file)
        return str(file)

    return made


def test_the_second_opening_finds_layers_and_the_default_one_as_the_first_did(
    registry, source, count
):
    place = source(Network().eval())
    first = open_model(place, OPTIONS, registry)
    layers, last = first.layers(), first.map_layer()
    before = dict(count)
    assert before["layers"]
    second = open_model(place, OPTIONS, registry)
    assert second.map_layer() == last
    assert second.layers() == layers
    assert count == before
    image = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(
        second.activations(image, [last.name]), first.activations(image, [last.name])
    )


@pytest.mark.parametrize("change", ["graph", "weights", "input"])
def test_what_was_kept_of_another_graph_other_weights_or_another_input_is_not_used(
    registry, source, count, change
):
    """The network that leaves out a convolution has the same weights under the same names."""
    names = [each.name for each in open_model(source(Network().eval()), OPTIONS, registry).layers()]
    network, options, before = Network(both=change != "graph").eval(), OPTIONS, count["layers"]
    if change == "weights":
        network.first.weight.data.mul_(2)
    if change == "input":
        options = ModelOptions(input={"size": (32, 32), "std": (2, 2, 2)}, device="cpu")
    other = open_model(source(network), options, registry).layers()
    assert count["layers"] > before
    assert ([each.name for each in other] == names) == (change != "graph")
