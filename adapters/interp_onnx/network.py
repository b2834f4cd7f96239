"""A model and the manner of running it: preprocessing, layout, batches."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from interp.errors import ModelError
from interp.network.preprocess import encode, probe_images
from interp.spec import InputSpec
from interp_onnx.batch import freed
from interp_onnx.file import line
from interp_onnx.graph import Graph
from interp_onnx.port import Port
from interp_onnx.session import Engine, Session

TOLERANCE = 1e-4
"""How far a freed batch may move the scores, relative to the largest."""


TRACED = (2, 3, 4, 5, 6, 7, 8, 16, 32)
"""Numbers of images that a graph may have been traced with."""


@dataclass(frozen=True, eq=False)
class Network:
    """A graph that takes preprocessed images and answers scores (N, K)."""

    graph: Graph
    port: Port
    input: InputSpec
    engine: Engine
    session: Session
    batch: int | None
    """How many images it takes at a time; None for any number."""

    def encode(self, images: Tensor) -> Tensor:
        """RGB in [0, 1] of any size as the model wants it."""
        pixels = encode(images.to(self.engine.device, torch.float32), self.input)
        pixels = pixels if self.port.layout == "NCHW" else pixels.permute(0, 2, 3, 1)
        return pixels.to(self.port.dtype).contiguous()

    def forward(self, inputs: Tensor) -> Tensor:
        """Raw scores (N, K) float32 of preprocessed images."""
        return as_scores(self.run(self.session, inputs)[0])

    def run(self, session: Session, inputs: Tensor) -> list[Tensor]:
        """A session's answers to images, in portions where the batch is fixed."""
        size = self.batch
        if size is None or len(inputs) == size:
            return session(inputs)
        missing = -len(inputs) % size
        padded = torch.cat([inputs, inputs[-1:].expand(missing, *inputs.shape[1:])])
        answers = [session(portion) for portion in padded.split(size)]
        return [_joined(pieces, len(inputs), len(padded)) for pieces in zip(*answers, strict=True)]


def as_scores(answer: Tensor) -> Tensor:
    """(N, K) float32 of (N, K) or (N, K, 1, 1); anything else as it is."""
    return flat(answer).float()


def flat(answer: Tensor) -> Tensor:
    """(N, K) of (N, K) or (N, K, 1, 1); anything else as it is."""
    return answer.flatten(1) if answer.shape[2:].numel() == 1 < answer.dim() else answer


def settle_batch(network: Network, name: str) -> tuple[Network, list[str]]:
    """The network for any number of images where its graph allows; else with a note why not."""
    inputs = network.encode(probe_images(network.input, 3))
    network = _as_traced(network, inputs)
    expected = _one_by_one(network, inputs, name)
    if network.batch is None and _answers(network, inputs, expected):
        return network, []
    try:
        graph = freed(network.graph, network.port)
        session = network.engine.session(graph.model)
        free = replace(network, graph=graph, session=session, batch=None)
        if _answers(free, inputs, expected):
            return free, []
    except Exception:  # whatever onnxruntime or onnx dislikes of the rewritten graph
        pass
    size = network.batch or 1
    note = (
        f"the graph is made for {size} image(s) at a time, and freeing it failed: images run "
        f"{size} at a time{'' if size == 1 else ', and the model cannot be cut'}; "
        "export it again with a free batch axis to lift this"
    )
    return replace(network, batch=size), [note]


def _as_traced(network: Network, inputs: Tensor) -> Network:
    """The network with the batch that its graph truly takes, where a free one does not hold.

    Exporters that follow one run may leave that run's number of images in the graph.
    """
    for size in (1, *TRACED) if network.port.batch is None else ():
        try:
            answer = network.forward(inputs[:1].expand(size, -1, -1, -1).contiguous())
        except Exception:  # onnxruntime's errors share no class
            continue
        if size == 1 or len(answer) != size:
            break
        return replace(network, port=replace(network.port, batch=size), batch=size)
    return network


def _one_by_one(network: Network, inputs: Tensor, name: str) -> Tensor:
    """Scores of each image alone: what any batch must equal. ModelError if there are none."""
    height, width = network.input.size
    alone = replace(network, batch=network.batch or 1)
    try:
        return alone.forward(inputs)
    except Exception as error:  # onnxruntime's errors share no class
        raise ModelError(
            f"{name} fails on images of {height}x{width}: {line(error)}; "
            "set the size with --input size=H,W"
        ) from error


def _answers(network: Network, inputs: Tensor, expected: Tensor) -> bool:
    """Whether images together are answered as each alone."""
    try:
        return all(close(network.forward(inputs[:n]), expected[:n]) for n in (3, 2))
    except Exception:  # as where a reshape is made for another number
        return False


def close(first: Tensor, second: Tensor, tolerance: float = TOLERANCE) -> bool:
    """Whether two sets of scores are equal up to `tolerance` of the largest."""
    if first.shape != second.shape:
        return False
    scale = second.abs().max().clamp(min=1e-12)
    return bool((first - second).abs().max() <= tolerance * scale)


def _joined(pieces: tuple[Tensor, ...], count: int, padded: int) -> Tensor:
    """Portions in one; what has no batch is the same in all."""
    if pieces[0].dim() == 0:
        return pieces[0]
    whole = torch.cat(pieces)
    return whole[: len(whole) * count // padded]
