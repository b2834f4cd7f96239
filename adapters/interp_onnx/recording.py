"""The whole model as PyTorch operations, whose scores autograd records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from interp.errors import ModelError
from interp.network.preprocess import probe_images
from interp.network.scores import close
from interp_onnx.autograd.program import Program, lacking, translate
from interp_onnx.network import Network

RECORDED = 1e-4
"""How far a program's scores may be from the session's, relative to the largest."""
HALF = 0.02
"""The same for a graph of 16-bit fractions, which PyTorch computes in 32."""


@dataclass(eq=False)
class Recording:
    """A model's graph in PyTorch, made and compared with onnxruntime when it is first used."""

    network: Network
    name: str

    @cached_property
    def possible(self) -> bool:
        """Whether every operation has a translation, and the scores can have slopes at all."""
        network = self.network
        smooth = not (network.graph.quantised or network.image.whole or network.apart)
        return smooth and not network.outputs and not lacking(network.graph.model)

    @cached_property
    def program(self) -> Program:
        """The graph in PyTorch. Raises ModelError where its scores are not onnxruntime's."""
        images = probe_images(self.network.input, 2)
        try:
            found = translate(self.network.graph.model, self.network.engine.device)
            with torch.no_grad():
                output = self._output(found, images)
        except Exception as error:  # its operations' errors share no class
            raise self._refusal("cannot be run by PyTorch's operations") from error
        expected = self.network.raw(self.network.encode(images)).float()
        if not close(output, expected, tolerance(self.network)):
            raise self._refusal("has other scores by PyTorch's operations than by onnxruntime")
        return found

    def output(self, images: Tensor) -> Tensor:
        """The graph's output, recorded."""
        return self._output(self.program, images)

    def tensors(self, images: Tensor, names: Sequence[str]) -> list[Tensor]:
        """Tensors of the graph, and last its output, which is recorded from them."""
        graph, size = self.network.graph, self.network.batch
        if size not in (None, len(images)):
            raise ModelError(
                f"{self.name} takes batches of {size} images only, so that slopes at its inner "
                f"tensors are those of {size} images; export it with a free batch"
            )
        program = replace(self.program, outputs=(*names, graph.output))
        pixels = images.detach().to(self.network.engine.device).clone().requires_grad_()
        return program(self.network.encode(pixels).float())

    def _output(self, program: Program, images: Tensor) -> Tensor:
        return self.network.run(program, self.network.encode(images).float())[0]

    def _refusal(self, why: str) -> ModelError:
        return ModelError(
            f"{self.name} {why}, so that it has no slopes; choose a method that needs none, such "
            "as rise or occlusion, or open the PyTorch model"
        )


def tolerance(network: Network) -> float:
    """How far the scores of a translated graph may be from its own."""
    return HALF if network.graph.half else RECORDED
