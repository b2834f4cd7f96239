"""A row of the table of callers, the network and image that all of them use, and what is checked.

A row is a call as a program may make it. It finds the usual map, or it is refused in one line; and
it leaves the program's own states as they were.
"""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.networks import seeded
from torch import Tensor, nn

import interp
from interp.context import Budget
from interp.errors import InterpError
from interp.spec import ModelOptions

ROOT = Path(__file__).parents[2]
SEARCH = [str(ROOT / each) for each in ("core", "adapters", "plugins", "dashboards", "tests")]
"""Where a program of a caller finds the project and this module."""
SIZE, CLASSES = 36, 4
PLAIN: dict[str, object] = {"size": (SIZE, SIZE), "mean": (0, 0, 0), "std": (1, 1, 1)}
OPTIONS = ModelOptions(input=PLAIN, device="cpu")
BUDGET = Budget(samples=64)
IMAGE = np.random.default_rng(0).integers(0, 120, (48, 40, 3), dtype=np.uint8)
IMAGE[10:30, 20:35, 0] = 240
METHODS = ("gradcam", "saliency", "rise", "mint")
"""One by slopes at a layer, one by slopes at the pixels, one by scores, one by all of these."""
HOOKED = ("guided-gradcam", "layer-conductance")
"""Methods that hook the module's parts."""
SAME = 1e-3
"""How far a map may be from the usual one, relative to its largest value."""
Maps = dict[str, np.ndarray]


@dataclass(frozen=True)
class Caller:
    """A row of the table: who calls, or where, and what happens."""

    name: str
    kind: str
    """Heading that it stands under in docs/callers.md."""
    call: Callable[[Path], object]
    """Makes the call in an empty folder, and raises AssertionError for a wrong answer."""
    then: str = "the usual map"
    """What happens, in words."""
    refused: str | None = None
    """A part of the line with which it is refused; None: it is not."""
    slow: bool = False

    @property
    def outcome(self) -> str:
        """What happens, as docs/callers.md says it."""
        return self.then if self.refused is None else f"refused: {self.refused}"


def check(caller: Caller, folder: Path) -> None:
    """Make the call, and raise AssertionError unless what the table says happens."""
    with unchanged():
        try:
            caller.call(folder)
        except InterpError as error:
            told = str(error)
        else:
            told = None
    if caller.refused is None:
        assert told is None, told
    else:
        assert told is not None, "it is not refused"
        assert caller.refused in told, told
        assert "\n" not in told and len(told) < 400, told


class Net(nn.Module):
    """Two convolutions, batch norm, global average pooling, linear; stem, body and fc."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(8, 12, 3, 1, 1), nn.ReLU())
        self.fc = nn.Linear(12, CLASSES)
        with torch.no_grad():
            for each in self.parameters():
                each.mul_(3)

    def forward(self, image: Tensor) -> Tensor:
        return self.fc(self.body(self.stem(image)).mean((2, 3)))


def network() -> Net:
    """The network of all rows, with the same weights every time."""
    module = seeded(Net)
    assert isinstance(module, Net)
    return module


def maps(model: object, methods: Sequence[str] = METHODS, image: object = IMAGE) -> Maps:
    """Each method's map of class 0."""
    options = None if isinstance(model, interp.ModelAdapter) else OPTIONS
    return {
        name: interp.explain(
            model, image, method=name, target=0, options=options, budget=BUDGET
        ).map()
        for name in methods
    }


@cache
def usual(method: str) -> np.ndarray:
    """The map that a plain call finds on the plain network."""
    return maps(network(), [method])[method]


def same(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray] | None = None) -> None:
    """Raise AssertionError unless the maps are the usual ones, or these."""
    assert found
    for name, values in found.items():
        wanted = usual(name) if expected is None else expected[name]
        assert values.shape == wanted.shape, name
        apart = float(np.abs(values - wanted).max() / np.abs(wanted).max())
        assert apart <= SAME, f"{name}: {apart:.2g} apart"


def refuses(call: Callable[[], object], words: str) -> None:
    """Raise AssertionError unless a call is refused in one line with these words."""
    with pytest.raises(InterpError) as caught:
        call()
    assert words in str(caught.value) and "\n" not in str(caught.value), str(caught.value)


def works(make: Callable[[], object], methods: Sequence[str] = METHODS) -> Callable[[Path], None]:
    """A call that explains what `make` gives, and finds the usual maps."""
    return lambda _: same(maps(make(), methods))


@contextmanager
def unchanged() -> Iterator[None]:
    """Raise AssertionError where the block leaves another state of the program than before."""
    warm()
    before = state()
    yield
    after = state()
    changed = [name for name in before if before[name] != after[name]]
    assert not changed, f"the caller's states are others than before: {', '.join(changed)}"


@cache
def warm() -> None:
    """Load what methods load when first used: other libraries set warnings filters meanwhile."""
    maps(network(), [*METHODS, *HOOKED])


def state() -> dict[str, Any]:
    """The states of a program that a call must leave as they are."""
    import cv2

    kind, keys, *rest = np.random.get_state()  # noqa: NPY002 - the program's own
    flags = torch.backends
    return {
        "torch's random numbers": torch.get_rng_state().tolist(),
        "NumPy's random numbers": (kind, keys.tolist(), rest),
        "Python's random numbers": random.getstate(),
        "torch's threads": torch.get_num_threads(),
        "OpenCV's threads": cv2.getNumThreads(),
        "recording of gradients": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "autocast": [torch.is_autocast_enabled("cpu"), torch.is_autocast_enabled("cuda")],
        "default type": torch.get_default_dtype(),
        "default device": str(torch.empty(0).device),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "flags of backends": [
            flags.cudnn.benchmark,
            flags.cudnn.deterministic,
            flags.mkldnn.enabled,
            flags.mha.get_fastpath_enabled(),
            torch.get_float32_matmul_precision(),
        ],
        "nn.Module": [nn.Module.__call__, nn.Module.__getattr__],
        "warnings filters": list(warnings.filters),
        "NumPy's errors": np.geterr(),
        "streams": [sys.stdin, sys.stdout, sys.stderr, sys.excepthook],
        "search path": list(sys.path),
    }


def module_state(module: nn.Module) -> list[object]:
    """What a call might leave in a module: flags, hooks, attributes, gradients, values."""
    return [
        [
            (each.training, len(each._forward_hooks), sorted(vars(each)))
            for each in module.modules()
        ],
        [(each.requires_grad, each.grad is None) for each in module.parameters()],
        {name: each.tolist() for name, each in module.state_dict().items()},
    ]
