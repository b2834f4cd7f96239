"""A module with its preprocessing, device, precision and memory layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from interp.errors import ModelError
from interp.network.autograd import overruns_channels_last
from interp.network.plain_tensors import plain_tensors
from interp.network.preprocess import encode
from interp.readout import as_they_are
from interp.spec import InputSpec
from interp_torch.hooks import as_its_class, eval_mode

PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}


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
    """How the maps (N, C, h, w) it is given lie in memory; `try_layout` chooses."""
    scores: Callable[[Tensor], Tensor] = as_they_are
    """The readout: scores (N, K) of the module's raw output."""

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Evaluation mode and ordinary tensors within the block."""
        with plain_tensors(), eval_mode(self.module, self._parts):
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

    def structure(self) -> tuple[int, ...] | None:
        """The module's parts and tensors now, by their identity; None where hooks change them."""
        found: list[int] = []
        for part in self.module.modules():
            if not as_its_class(part):
                return None
            own = vars(part)
            held = (*own.get("_parameters", {}).values(), *own.get("_buffers", {}).values())
            found += (id(part), *map(id, held))
        return tuple(found)

    def encode(self, images: Tensor) -> Tensor:
        """Images of any size, RGB in [0, 1], preprocessed for the module, (N, 3, h, w)."""
        images = images.to(self.device, torch.float32)
        if images.is_inference() and not torch.is_inference_mode_enabled():
            images = images.clone()  # made in a caller's inference mode: not for autograd
        return self.arrange(encode(images, self.input))

    def arrange(self, values: Tensor) -> Tensor:
        """Values in the network's memory layout; only maps (N, C, h, w) have one.

        Where slopes are recorded, a single image stays contiguous if the weights do, since turning
        these costs more than it gains; so do slopes that PyTorch cannot be trusted with.
        """
        if values.dim() != 4:
            return values
        alone = len(values) == 1 and not self._turns
        plain = torch.is_grad_enabled() and (alone or not self._slopes_turn)
        return values.contiguous(memory_format=torch.contiguous_format if plain else self.layout)

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

    def try_layout(self, images: Tensor) -> Any:
        """The raw answer to preprocessed images, channels last from now on where that works.

        Convolutions on a CPU are up to twice as fast then. It does not work where the module takes
        views (`x.view(len(x), -1)`) of its maps. A caller's weights are left as they lie.
        """
        weights = (*self.module.parameters(), *self.module.buffers())
        if self.device.type == "cpu" and any(each.dim() == 4 for each in weights):
            self._set_layout(torch.channels_last)
            try:
                return self.raw(self.arrange(images))
            except Exception:  # the module's own code: anything can happen
                self._set_layout(torch.contiguous_format)
        return self.raw(self.arrange(images))

    def _set_layout(self, layout: torch.memory_format) -> None:
        self.layout = layout
        if self._turns:
            self.module.to(memory_format=layout)

    @property
    def packs(self) -> bool:
        """Whether convolutions may be packed: oneDNN runs them, in float32."""
        known = torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled
        return bool(known) and self.device.type == "cpu" and self.precision == "fp32"

    @cached_property
    def convolutions(self) -> int:
        """How many convolutions the module has."""
        return sum(isinstance(each, nn.Conv2d) for each in self._parts)

    @property
    def _turns(self) -> bool:
        return self.owned and self._slopes_turn

    @cached_property
    def _slopes_turn(self) -> bool:
        """Whether slopes may be taken channels last: a graph does not show its convolutions."""
        return any(isinstance(each, nn.Conv2d) for each in self._parts) and not (
            overruns_channels_last(self._parts)
        )


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
