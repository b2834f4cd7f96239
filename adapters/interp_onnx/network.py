"""A model with its preprocessing, layout and batch size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from interp.network.preprocess import encode
from interp.readout import as_they_are
from interp.spec import InputSpec
from interp_onnx.graph import Graph
from interp_onnx.session import Engine, Session
from interp_onnx.signature import ImageInput


@dataclass(frozen=True, eq=False)
class Network:
    """A graph from preprocessed images, and its output as scores (N, K)."""

    graph: Graph
    image: ImageInput
    input: InputSpec
    engine: Engine
    session: Session
    batch: int | None
    """The fixed batch size; None for any."""
    scores: Callable[[Tensor], Tensor] = as_they_are
    """The readout: scores (N, K) of the graph's output."""
    outputs: tuple[str, ...] = ()
    """The session's outputs, where the readout reads several; empty: it reads the graph's own."""
    apart: bool = False
    """Whether the outputs have no batch axis, as a detector's final boxes: images run one by one,
    and the raw output is a list."""

    def encode(self, images: Tensor) -> Tensor:
        """Images of any size, RGB in [0, 1], preprocessed for the model, in its layout and type."""
        pixels = encode(images.to(self.engine.device, torch.float32), self.input)
        pixels = pixels if self.image.layout == "NCHW" else pixels.permute(0, 2, 3, 1)
        if self.image.whole:
            pixels = pixels.mul(255).add(0.5).clamp(0, 255)
        return pixels.to(self.image.dtype).contiguous()

    def forward(self, inputs: Tensor) -> Tensor:
        """Raw scores (N, K) float32 of preprocessed images."""
        return self.read(self.raw(inputs)).float()

    def raw(self, inputs: Tensor) -> Any:
        """The graph's output for preprocessed images, or its outputs by name, see `apart`."""
        if self.apart:
            singles = inputs.split(1)
            return [dict(zip(self.outputs, self.session(one), strict=True)) for one in singles]
        found = self.run(self.session, inputs)
        return dict(zip(self.outputs, found, strict=True)) if self.outputs else found[0]

    def read(self, output: Any) -> Tensor:
        """Raw scores (N, K) of the graph's output, in its own type."""
        return self.scores(flatten_scores(output) if isinstance(output, Tensor) else output)

    def run(self, session: Callable[..., list[Tensor]], inputs: Tensor) -> list[Tensor]:
        """What a session or program answers to preprocessed images, a fixed batch at a time."""
        size = self.batch
        if size is None or len(inputs) == size:
            return session(inputs)
        missing = -len(inputs) % size
        padded = torch.cat([inputs, inputs[-1:].expand(missing, *inputs.shape[1:])])
        answers = [session(portion) for portion in padded.split(size)]
        return [
            _concatenate(pieces, len(inputs), len(padded)) for pieces in zip(*answers, strict=True)
        ]


def flatten_scores(answer: Tensor) -> Tensor:
    """(N, K) of (N, K) or (N, K, 1, 1); anything else as it is."""
    return answer.flatten(1) if answer.shape[2:].numel() == 1 < answer.dim() else answer


def is_shape(value: Tensor) -> bool:
    """Whether a tensor is a number, or a list of whole ones: of a whole batch, not of its rows."""
    return value.dim() == 0 or (value.dim() == 1 and not value.is_floating_point())


def _concatenate(pieces: tuple[Tensor, ...], count: int, padded: int) -> Tensor:
    """Portions of an output in one; a shape is the same in all."""
    if is_shape(pieces[0]):
        return pieces[0]
    whole = torch.cat(pieces)
    return whole[: len(whole) * count // padded]
