"""ONNX models behind the interface that methods use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from interp.engine.random import content_key
from interp.errors import InputError, ModelError
from interp.model import ModelAdapter, Output
from interp.network.activation import express
from interp.network.preprocess import probe_images
from interp.spec import Capability, Layer, ModelSpec
from interp_onnx.cut import OnnxCut, make_cut
from interp_onnx.extract import Shape, extract
from interp_onnx.layer import list_layers
from interp_onnx.naming import Place, find_places, folded
from interp_onnx.network import Network
from interp_onnx.observe import Seen, free_axes, see_shapes
from interp_onnx.session import Session
from interp_onnx.split import halve

KEPT, ROOM = 4, 1 << 30
"""Cuts that stay open, and bytes of model that they may stand for: each holds its own weights."""
Key = TypeVar("Key")
Value = TypeVar("Value")


class OnnxAdapter(ModelAdapter):
    """A model file with its layers and cuts; the last sessions made are kept."""

    def __init__(self, network: Network, spec: ModelSpec, normalised: bool = False) -> None:
        """`normalised`: scores are probabilities already."""
        self.network = network
        self.spec = spec
        self.normalised = normalised
        offers = {Capability.PREDICT, Capability.ACTIVATIONS}
        self.capabilities = frozenset(offers | ({Capability.CUT} if self._cuttable else set()))
        self._cuts: dict[str, OnnxCut] = {}
        self._looks: dict[tuple[str, ...], Session] = {}

    def predict(self, images: Tensor) -> Tensor:
        """Raw scores (N, K) float32 of RGB in [0, 1]."""
        return self.network.forward(self.network.encode(images))

    def probabilities(self, scores: Tensor, output: Output = "prob") -> Tensor:
        """Raw scores (..., K) as `output`, by the model's own activation."""
        return express(scores, output, self.spec.activation, self.normalised)

    def layers(self) -> list[Layer]:
        """Every module the exporter tells of, or else every node, with one row per image."""
        return self._layers

    def layer(self, name: str) -> Layer:
        """The layer called `name`; InputError names what is left of one that was merged."""
        try:
            return super().layer(name)
        except InputError as error:
            survivor = folded(self.network.graph, name, self._places)
            if survivor is None:
                raise
            raise InputError(
                f"{self.spec.name} has no layer {name!r}: the exporter merged it with what "
                f"follows; use {survivor!r}"
            ) from error

    def activations(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Outputs of the named layers in one pass."""
        names = tuple(self._places[self.layer(name).name].tensor for name in layers)
        look = _recent(self._looks, self._most, names, lambda: self._look(names))
        found = self.network.run(look, self.network.encode(images))
        return dict(zip(layers, found, strict=True))

    def cut(self, layer: str) -> OnnxCut:
        """The model split at a layer, checked against the whole; the last few are kept."""
        if not self._cuttable:
            raise self.lacks(Capability.CUT, "a cut")
        return _recent(self._cuts, self._most, layer, lambda: self._make_cut(self.layer(layer)))

    def to_device(self, values: np.ndarray) -> Tensor:
        """A NumPy array on the model's device."""
        return torch.tensor(np.ascontiguousarray(values), device=self.network.engine.device)

    @property
    def _cuttable(self) -> bool:
        return self.network.batch in (None, 1)

    def _key(self, layer: str, images: Tensor) -> str:
        """What a frontier is the answer to: weights, preprocessing, layer, images."""
        pixels = images.detach().cpu().numpy()
        return content_key(self.spec.fingerprint, self.spec.input, layer, pixels)

    def _look(self, names: Sequence[str]) -> Session:
        graph = self.network.graph
        return self.network.engine.session(extract(graph, self._shapes, [graph.image], names))

    def _make_cut(self, layer: Layer) -> OnnxCut:
        images = self._probe
        try:
            halves = halve(self.network.graph, self._places[layer.name].tensor, self._shapes)
            inputs = self.network.encode(images)
            shared = (self.network, self.probabilities, self._key)
            cut = make_cut(layer, *shared, halves, inputs)
            if cut.holds(images, self.predict(images)):
                return cut
            cause = None
        except Exception as error:  # onnxruntime's and onnx's errors share no class
            cause = error
        raise ModelError(
            f"{self.spec.name} cannot be cut at {layer.name}; choose another layer"
        ) from cause

    @cached_property
    def _most(self) -> int:
        """How many cuts, and how many sessions that read layers, stay open."""
        return max(1, min(KEPT, ROOM // self.network.graph.model.ByteSize()))

    @cached_property
    def _probe(self) -> Tensor:
        return probe_images(self.spec.input, 3)

    @cached_property
    def _seen(self) -> list[Seen]:
        """Shapes with two images and with three, or with as many as the graph takes."""
        inputs, size = self.network.encode(self._probe), self.network.batch
        if size is None:
            return see_shapes(self.network.graph, [inputs[:2], inputs])
        return see_shapes(self.network.graph, [inputs[:1].expand(size, -1, -1, -1).contiguous()])

    @cached_property
    def _shapes(self) -> dict[str, Shape]:
        return free_axes(self._seen[0].shapes, self._seen[-1].shapes)

    @cached_property
    def _places(self) -> dict[str, Place]:
        return find_places(self.network.graph)

    @cached_property
    def _layers(self) -> list[Layer]:
        network = self.network
        seen = self._seen[0]
        return list_layers(network.graph, network.port, self._places, seen, self._cuttable)


def _recent(kept: dict[Key, Value], most: int, key: Key, make: Callable[[], Value]) -> Value:
    """What was made for a key, made now if it is not kept; the longest unused goes."""
    kept[key] = kept.pop(key) if key in kept else make()
    while len(kept) > most:
        del kept[next(iter(kept))]
    return kept[key]
