"""Callers inside modes of PyTorch, NumPy and Python."""

from __future__ import annotations

import asyncio
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import torch
from support.dataset import Squares
from support.torch_default import set_default_device
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.flop_counter import FlopCounterMode

import interp
from robustness.caller import (
    BUDGET,
    HOOKED,
    IMAGE,
    METHODS,
    OPTIONS,
    Caller,
    maps,
    network,
    same,
)

KIND = "Modes of the program"
Mode = Callable[[], AbstractContextManager[object]]


@contextmanager
def setting(write: Callable[..., object], value: object, before: object) -> Iterator[None]:
    """A global setting within the block."""
    write(value)
    try:
        yield
    finally:
        write(before)


def within(mode: Mode, methods: Sequence[str] = METHODS) -> Callable[[Path], None]:
    """A call inside a mode, and one with a module that was made inside it."""

    def call(_: Path) -> None:
        module = network()
        with mode():
            found = maps(module, methods)
        same(found)

    return call


def made_within(_: Path) -> None:
    with torch.inference_mode():
        found = maps(network(), [*METHODS, *HOOKED])
    same(found)


def everything(_: Path) -> None:
    """Every function of the front inside inference mode, with float64 as the default type."""
    module, names = network(), ["blue", "green", "red", "none"]

    def ask() -> tuple[list[np.ndarray], list[float], dict[str, np.ndarray]]:
        both = interp.compare(
            module, IMAGE, methods=["rise", "gradcam"], target=0, options=OPTIONS, budget=BUDGET
        )
        cells = [cell.explanation for case in both.cases for cell in case.cells]
        scored = interp.evaluate(
            module,
            Squares(2),
            methods=["gradcam"],
            metrics=["insertion"],
            classes=names,
            options=OPTIONS,
        )
        learned = interp.fit(
            module, Squares(4), method="chip", classes=names, options=OPTIONS, params={"masks": 200}
        )
        values = [each.values["insertion"]["gradcam"] for each in scored.records]
        return [each.map() for each in cells if each is not None], values, dict(learned.arrays)

    plain = ask()
    with torch.inference_mode(), setting(torch.set_default_dtype, torch.float64, torch.float32):
        inside = ask()
    for first, second in zip(plain[0], inside[0], strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(plain[1], inside[1], atol=1e-4)
    assert plain[2].keys() == inside[2].keys()
    for name, values in plain[2].items():
        np.testing.assert_allclose(values, inside[2][name], rtol=1e-2, atol=1e-4)


def matrix_products(_: Path) -> None:
    with setting(torch.set_float32_matmul_precision, "medium", "highest"):
        model = interp.open_model(network(), options=OPTIONS)
    assert any("set_float32_matmul_precision" in each for each in model.spec.notes)


def rise() -> Tensor:
    return torch.from_numpy(maps(network_of_all, ["rise"])["rise"])


torch.use_deterministic_algorithms(False)  # loads what sets warnings filters
network_of_all = network()


class Asking(nn.Module):
    """A module that explains another one in its forward."""

    def forward(self, image: Tensor) -> Tensor:
        return rise() + image


def _traced() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(lambda image: rise() + image, torch.zeros(1))


def compiled(_: Path) -> None:
    path = list(sys.path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.compile(lambda image: rise() + image, backend="eager")(torch.zeros(1))
    finally:
        sys.path[:] = path  # torch 2.9 adds a folder of its own


def fake(_: Path) -> None:
    with FakeTensorMode():
        rise()


def in_a_forward(_: Path) -> None:
    asking, found = network(), []
    asking.stem.register_forward_hook(lambda *_: found.append(maps(network(), ["gradcam"])))
    with torch.no_grad():
        asking(torch.zeros(1, 3, 36, 36))
    same(found[0])


def in_a_loop(_: Path) -> None:
    async def direct() -> dict[str, np.ndarray]:
        return maps(network())

    async def beside() -> list[dict[str, np.ndarray]]:
        module = network()
        return await asyncio.gather(*(asyncio.to_thread(maps, module, [e]) for e in METHODS))

    same(asyncio.run(direct()))
    for found in asyncio.run(beside()):
        same(found)


def warning(_: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = maps(network(), [*METHODS, *HOOKED])
    same(found)


def row(name: str, mode: Mode, methods: Sequence[str] = METHODS, then: str | None = None) -> Caller:
    return Caller(name, KIND, within(mode, methods), then or Caller.then)


def inside(name: str, call: Callable[[Path], object]) -> Caller:
    words = name.removeprefix("inside ")
    return Caller(name, KIND, call, refused=f"found a call inside {words}, where tensors stand for")


FLOAT64 = (torch.set_default_dtype, torch.float64, torch.float32)
ROWS = (
    row("inside torch.inference_mode()", torch.inference_mode, (*METHODS, *HOOKED)),
    Caller("a module made inside torch.inference_mode()", KIND, made_within),
    row("inside torch.no_grad()", torch.no_grad, (*METHODS, *HOOKED)),
    row("inside torch.set_grad_enabled(False)", lambda: torch.set_grad_enabled(False), HOOKED),
    row("inside torch.autocast, bfloat16", lambda: torch.autocast("cpu", torch.bfloat16)),
    row("with float64 as the default type", lambda: setting(*FLOAT64)),
    row("with bfloat16 as the default type",
        lambda: setting(torch.set_default_dtype, torch.bfloat16, torch.float32)),
    row('with the default device "meta"', lambda: setting(set_default_device, "meta", None)),
    row('with the default device "cpu"', lambda: setting(set_default_device, "cpu", None)),
    row("with deterministic algorithms",
        lambda: setting(torch.use_deterministic_algorithms, True, False)),
    row("under autograd's anomaly detection", torch.autograd.detect_anomaly, ("gradcam",)),
    row("inside a FlopCounterMode", lambda: FlopCounterMode(display=False)),
    row("with NumPy's errors raised", lambda: np.errstate(all="raise")),
    row("without oneDNN", lambda: torch.backends.mkldnn.flags(enabled=False)),
    Caller("with rounded products of matrices (set_float32_matmul_precision)", KIND,
           matrix_products, "told in the notes"),
    Caller("with warnings as errors", KIND, warning),
    Caller("compare, evaluate and fit in inference mode, float64 by default", KIND, everything,
           "the usual answers"),
    Caller("in a coroutine, and in its threads (asyncio)", KIND, in_a_loop),
    Caller("in a forward hook of another module", KIND, in_a_forward),
    inside("inside a transform of torch.func", lambda _: torch.vmap(lambda x: rise() + x)(
        torch.zeros(2))),
    inside("inside torch.jit.trace", lambda _: _traced()),
    inside("inside torch.compile", compiled),
    inside("inside FakeTensorMode", fake),
    inside("inside make_fx", lambda _: make_fx(lambda x: rise() + x)(torch.zeros(1))),
    Caller("inside torch.export", KIND,
           lambda _: torch.export.export(Asking(), (torch.zeros(1),)),
           refused="found a call inside FakeTensorMode"),
)  # fmt: skip
