"""A module with its preprocessing, device, precision and memory layout."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from threading import RLock
from typing import Any

import torch
from torch import Tensor, nn

from interp.errors import ModelError
from interp.network.plain_tensors import plain_tensors
from interp.network.preprocess import encode
from interp.readout import as_they_are
from interp.spec import InputSpec
from interp_torch.hooks import eval_mode

PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}
LAYOUT_TRIAL = 64
"""Number of images after which a trial of memory layouts pays for itself."""


@dataclass(eq=False)
class Passes:
    """The forward passes that threads are in the midst of; the module changes only between them."""

    lock: RLock = field(default_factory=RLock)
    count: int = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """One more pass within the block, which begins once no thread holds the lock."""
        with self.lock:
            self.count += 1
        try:
            yield
        finally:
            with self.lock:
                self.count -= 1


@dataclass(eq=False)
class Network:
    """A module from preprocessed images (N, 3, h, w), and its raw output as scores (N, K)."""

    module: nn.Module
    input: InputSpec
    device: torch.device
    precision: str = "fp32"
    owned: bool = False
    """Whether the module was made or copied here, so that its memory layout may change."""
    layout: torch.memory_format = torch.contiguous_format
    scores: Callable[[Tensor], Tensor] = as_they_are
    """The readout: scores (N, K) of the module's raw output."""
    seen: int = field(default=0, repr=False)
    passes: Passes = field(default_factory=Passes, repr=False)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Evaluation mode and ordinary tensors within the block."""
        with self.passes.counted(), plain_tensors(), eval_mode(self.module, self._parts):
            yield

    def in_eval_mode(self) -> AbstractContextManager[None]:
        """Evaluation mode alone within the block, which may be long."""
        return eval_mode(self.module, self._parts)

    @property
    def training(self) -> bool:
        """Whether a part is in training mode now."""
        return any(getattr(each, "training", False) for each in self._parts)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Evaluation mode, ordinary tensors and the chosen precision within the block."""
        dtype = PRECISIONS.get(self.precision)
        cast = torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None)
        with self.evaluating(), cast:
            yield

    @cached_property
    def _parts(self) -> tuple[nn.Module, ...]:
        return tuple(self.module.modules())

    def encode(self, images: Tensor) -> Tensor:
        """Images of any size, RGB in [0, 1], preprocessed for the module, (N, 3, h, w)."""
        images = images.to(self.device, torch.float32)
        if images.is_inference() and not torch.is_inference_mode_enabled():
            images = images.clone()  # made in a caller's inference mode: not for autograd
        return self.arrange(encode(images, self.input))

    def arrange(self, values: Tensor) -> Tensor:
        """Values in the module's memory layout; only maps (N, C, h, w) have one."""
        return values.contiguous(memory_format=self.layout) if values.dim() == 4 else values

    def forward(self, inputs: Tensor) -> Tensor:
        """Raw scores (N, K) float32 of preprocessed images."""
        return self.read(self.module(inputs))

    def raw(self, inputs: Tensor) -> Any:
        """The module's answer to preprocessed images, without autograd; tensors in float32."""
        with torch.no_grad(), self.running():
            answer = _in_float32(self.module(inputs))
        return answer.detach() if isinstance(answer, Tensor) else answer

    def read(self, output: Any) -> Tensor:
        """Raw scores (N, K) float32 of the module's output."""
        return self.scores(_in_float32(output))

    def count_images(self, count: int) -> None:
        """Count images; on a CPU, choose the faster memory layout after LAYOUT_TRIAL of them."""
        with self.passes.lock:
            before, self.seen = self.seen, self.seen + count
            if (
                not self.owned
                or self.device.type != "cpu"
                or not before < LAYOUT_TRIAL <= self.seen
            ):
                return
            hooked = any(each._forward_hooks or each._forward_pre_hooks for each in self._parts)
            if hooked or self.passes.count:
                self.seen = before  # a caller's hooks, or a thread, would meet passes of the trial
            else:
                self._choose_layout()

    def settle(self) -> None:
        """Choose the memory layout that is faster for most networks, in place of a trial."""
        with self.passes.lock:
            if self.owned and self.device.type == "cpu" and self.seen < LAYOUT_TRIAL:
                self._set_layout(torch.channels_last)
            self.seen = max(self.seen, LAYOUT_TRIAL)

    def _choose_layout(self) -> None:
        """Time both layouts: channels_last helps most networks and slows some."""
        images = torch.zeros(8, self.input.channels, *self.input.size)
        seconds = {}
        for layout in (torch.contiguous_format, torch.channels_last):
            self._set_layout(layout)
            seconds[layout] = self._time(images)
        self._set_layout(min(seconds, key=seconds.__getitem__))

    def _set_layout(self, layout: torch.memory_format) -> None:
        self.layout = layout
        self.module.to(memory_format=layout)

    def _time(self, images: Tensor) -> float:
        """Seconds of the fastest of three passes; the first of all warms up."""
        taken = []
        with torch.no_grad(), self.running():
            for _ in range(4):
                begun = time.perf_counter()
                self.forward(self.encode(images))
                taken.append(time.perf_counter() - begun)
        return min(taken[1:])


def _in_float32(answer: Any) -> Any:
    """A tensor in float32; an answer of several parts as it is."""
    return answer.float() if isinstance(answer, Tensor) else answer


def choose_device(wanted: str | None, present: torch.device | None = None) -> torch.device:
    """The device asked for; else where the module is, else CUDA where present, else the CPU."""
    if wanted is None:
        return present or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise ModelError(f"unknown device {wanted!r}; expected cpu, cuda or cuda:1") from error
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        raise ModelError(f"device {wanted!r} is not there: {count} CUDA devices found; use cpu")
    return device
