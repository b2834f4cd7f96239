"""Programs with several threads: a module explained twice at once, or beside one that trains."""

from __future__ import annotations

import copy
import io
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
import torch
from support.threads import beside, together
from torch import Tensor, nn

import interp
from interp.spec import ModelOptions
from interp_torch.graph import Graph, trace_exported, trace_symbolic
from interp_torch.hooks import eval_mode, output_hooks
from interp_torch.opening import open_model

OPTIONS = ModelOptions(input={"size": (32, 32), "mean": (0, 0, 0), "std": (1, 1, 1)}, device="cpu")
IMAGE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def trace(module: nn.Module, inputs: Tensor) -> Graph | None:
    """The graph as the adapter looks for it."""
    return trace_symbolic(module, inputs) or trace_exported(module, inputs)


def make() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
            nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(128, 3),
        )


@pytest.mark.parametrize("method", ["occlusion", "gradcam", "saliency"])
def test_one_module_in_training_mode_is_explained_by_two_threads(method: str) -> None:
    module = make().train()
    before = copy.deepcopy(module.state_dict())

    def explain() -> np.ndarray:
        return interp.explain(module, IMAGE, method=method, target=0, options=OPTIONS).map()

    expected = explain()
    for found in together([explain] * 3):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    assert all(each.training for each in module.modules())
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_last_thread_to_leave_restores_training() -> None:
    module, entered, leave = make().train(), Event(), Event()

    def hold() -> bool:
        with eval_mode(module):
            entered.set()
            leave.wait(10)
            return any(each.training for each in module.modules())

    with ThreadPoolExecutor(1) as pool:
        with eval_mode(module), eval_mode(module[0]):
            waiting = pool.submit(hold)
            entered.wait(10)
        leave.set()
        assert waiting.result() is False
    assert all(each.training for each in module.modules())


def test_hooks_hear_their_own_thread_only() -> None:
    module, heard = make().eval(), []
    images = torch.rand(1, 3, 32, 32)
    with output_hooks({"0": module[0]}, lambda name, *_: heard.append(name)):
        together([lambda: module(images)] * 2)
        assert heard == []
        module(images)
    assert heard == ["0"]


def train(module: nn.Sequential, steps: int = 200) -> Tensor:
    """The last weights of a module after some steps."""
    module[4] = nn.Identity()
    optimiser = torch.optim.SGD(module.parameters(), 0.01)
    draw = torch.Generator().manual_seed(1)
    for _ in range(steps):
        images = torch.rand(4, 3, 32, 32, generator=draw)
        optimiser.zero_grad()
        module(images).square().mean().backward()
        optimiser.step()
    return module[5].weight.detach()


def test_tracing_leaves_a_training_loop_alone() -> None:
    module, opened = make().train(), make().eval()
    expected = train(copy.deepcopy(module))

    def traced() -> bool:
        return trace(opened, torch.rand(2, 3, 32, 32)) is not None

    found, count = beside(lambda: train(module), traced)
    torch.testing.assert_close(found, expected)
    assert count > 0


def test_several_threads_open_models() -> None:
    module = make()
    expected = [each.name for each in open_model(module, OPTIONS).layers()]
    for found in together([lambda: open_model(module, OPTIONS).layers()] * 4):
        assert [each.name for each in found] == expected
    assert type(make()).__call__ is nn.Module.__call__
    assert "wrapper" not in nn.Module.__call__.__name__


class Counting(nn.Module):
    """Keeps its last image in a buffer, a list and a dictionary while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(12, 2)
        self.register_buffer("last", torch.zeros(1))
        self.seen: list[Tensor] = []
        self.named: dict[str, Tensor] = {}

    def forward(self, images: Tensor) -> Tensor:
        self.last = images.mean()
        self.seen.append(images)
        self.named["last"] = images
        if bool(images.sum() > 1e9):  # what torch.fx cannot trace
            return images
        return self.linear(images.flatten(1))


def test_a_tracer_leaves_nothing_in_the_module() -> None:
    module = Counting().eval()
    trace(module, torch.rand(2, 3, 2, 2))
    assert module.seen == []
    assert module.named == {}
    assert torch.equal(module.last, torch.zeros(1))
    assert dict(module.named_buffers()).keys() == {"last"}
    torch.save(module.state_dict(), io.BytesIO())
    copy.deepcopy(module)
