"""ONNX models behind the interface that methods use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from onnx import TensorProto
from torch import Tensor

from interp.cut import Cut, as_maps
from interp.errors import InputError, ModelError
from interp.model import ModelAdapter
from interp.network.attention import AttentionLayer, AttentionPass
from interp.network.autograd import sloped
from interp.network.layout import LayoutReader, corner_images, to_maps
from interp.network.preprocess import probe_images
from interp.network.receptive_field import GridField
from interp.readout import OutputDescription
from interp.spec import BLACK_BOX, Capability, Layer, ModelSpec
from interp_onnx.attention import attention_tensors
from interp_onnx.cost import multiply_adds, share_after
from interp_onnx.cut import make_cut
from interp_onnx.file import error_line
from interp_onnx.naming import Place, find_places, merged_into
from interp_onnx.network import Network
from interp_onnx.receptive_field import follow
from interp_onnx.recording import Recording
from interp_onnx.session import Session
from interp_onnx.shapes import ObservedShapes, Shape, free_axes, observe_shapes
from interp_onnx.signature import DTYPES
from interp_onnx.sketch import sketch_layers
from interp_onnx.split import extract, halve

KEPT, ROOM = 4, 1 << 30
"""Most cuts kept open, and bytes of model that they may hold: each has weights of its own."""
Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(eq=False, repr=False)
class OnnxAdapter(ModelAdapter):
    """A model file with its layers and cuts; the last sessions opened are kept."""

    network: Network
    spec: ModelSpec
    output: OutputDescription
    whole: OnnxAdapter | None = None
    """The model that this one is with its output read otherwise, whose layers are the same."""
    _cuts: dict[str, Cut] = field(default_factory=dict)
    _readers: dict[tuple[str, ...], Session] = field(default_factory=dict)

    @property
    def capabilities(self) -> frozenset[Capability]:  # type: ignore[override]
        """Scores, activations and cuts; slopes where PyTorch knows the graph's operations."""
        if self.black_box or self.network.outputs:
            return BLACK_BOX
        found = {Capability.PREDICT, Capability.ACTIVATIONS, Capability.CUT}
        return frozenset(found | ({Capability.GRADIENTS} if self._recording.possible else set()))

    @property
    def normalised(self) -> bool:  # type: ignore[override]
        return self.output.normalised

    def raw(self, images: Tensor) -> Any:
        return self.network.raw(self.network.encode(images))

    def read_as(self, output: OutputDescription) -> OnnxAdapter:
        network = replace(self.network, scores=output.scores)
        spec, whole = self.read_spec(output), self.whole or self
        return replace(self, network=network, spec=spec, output=output, whole=whole, _cuts={})

    def predict(self, images: Tensor) -> Tensor:
        return self.network.forward(self.network.encode(images))

    def forward(self, images: Tensor) -> Tensor:
        self._need_slopes()
        with torch.enable_grad():
            return self.network.read(self._recording.output(images)).float()

    def layers(self) -> list[Layer]:
        """Every module that the exporter names, or else every node, with one row per image.

        Those that answer whole numbers are left out; of a quantised graph the fractions are listed.
        """
        return self._layers

    def layer(self, name: str) -> Layer:
        """The layer called `name`; InputError says which layer it was merged into, if it was."""
        try:
            return super().layer(name)
        except InputError as error:
            survivor = merged_into(self.network.graph, name, self._places)
            if survivor is None:
                raise
            raise InputError(
                f"{self.spec.name} has no layer {name!r}: the exporter merged it with what "
                f"follows; use {survivor!r}"
            ) from error

    def activations(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        described = [self.layer(name) for name in layers]
        names = tuple(self._places[each.name].tensor for each in described)
        found = self._read(names, images)
        return {e.name: to_maps(e, value) for e, value in zip(described, found, strict=True)}

    def attention(self, images: Tensor, recorded: bool = False) -> AttentionPass:
        """Scores and attention by the softmax nodes."""
        if Capability.CUT not in self.capabilities:
            raise self.lacks(Capability.CUT)
        layers = attention_tensors(self.network.graph, self._observed[0].shapes)
        tensors = tuple(tensor for _, tensor in layers)
        if recorded:
            self._need_slopes()
            with torch.enable_grad():
                *weights, output = self._recording.tensors(images, tensors)
        else:
            *weights, output = self._read((*tensors, self.network.graph.output), images)
        scores = self.network.read(output).float()
        found = [
            AttentionLayer(name, each, len(images))
            for (name, _), each in zip(layers, weights, strict=True)
        ]
        return AttentionPass(scores, found)

    def sloped(self, images: Tensor, layers: Sequence[Layer]) -> set[str]:
        if Capability.GRADIENTS not in self.capabilities:
            return set()
        places = [self._places[each.name].tensor for each in layers]
        try:
            with torch.enable_grad():
                *values, output = self._recording.tensors(images, places)
                scores = self.network.read(output).float()
                return sloped(scores, layers, values)
        except (ModelError, RuntimeError):  # not recorded, or for another number of images
            return set()

    def cut(self, layer: str) -> Cut:
        """The model split at a layer, compared with the whole; the last few are kept."""
        return _recent(self._cuts, self._most, layer, lambda: self._make_cut(self.layer(layer)))

    def to_device(self, values: np.ndarray) -> Tensor:
        return torch.tensor(np.ascontiguousarray(values), device=self.network.engine.device)

    def _read(self, tensors: tuple[str, ...], images: Tensor) -> list[Tensor]:
        """These tensors' values for images; the sessions of the last few choices are kept."""
        with self._reading_inside():
            reader = _recent(self._readers, self._most, tensors, lambda: self._open_reader(tensors))
            return self.network.run(reader, self.network.encode(images))

    def _open_reader(self, tensors: Sequence[str]) -> Session:
        """A session that computes these tensors from the image."""
        graph = self.network.graph
        return self.network.engine.session(extract(graph, self._shapes, [graph.image], tensors))

    def _make_cut(self, layer: Layer) -> Cut:
        images = self._probe
        try:
            halves = halve(self.network.graph, self._places[layer.name].tensor, self._shapes)
            cut = make_cut(layer, self, self.network, halves, images)
            if cut.holds(images, self.predict(images)):
                return as_maps(cut)
            cause = None
        except Exception as error:  # onnxruntime's and onnx's errors share no class
            cause = error
        raise ModelError(
            f"{self.spec.name} cannot be cut at {layer.name}; choose another layer"
        ) from cause

    @cached_property
    def _recording(self) -> Recording:
        if self.whole is not None:
            return self.whole._recording
        return Recording(self.network, self.spec.name)

    @contextmanager
    def _reading_inside(self) -> Iterator[None]:
        """onnxruntime's errors, which share no class, become a ModelError."""
        try:
            yield
        except Exception as error:
            raise ModelError(
                f"{self.spec.name} answers scores, but onnxruntime cannot read its inner tensors "
                f"({error_line(error)[:200]}); export it again"
            ) from error

    def _need_slopes(self) -> None:
        if Capability.GRADIENTS not in self.capabilities:
            raise self.lacks(Capability.GRADIENTS)

    @cached_property
    def _most(self) -> int:
        """How many cuts, and how many readers of layers, stay open."""
        return max(1, min(KEPT, ROOM // self.network.graph.model.ByteSize()))

    @cached_property
    def _probe(self) -> Tensor:
        return probe_images(self.spec.input, 3)

    @cached_property
    def _observed(self) -> list[ObservedShapes]:
        """Shapes for two images and for three, or for the fixed batch."""
        inputs, size = self.network.encode(self._probe), self.network.batch
        repeated = inputs[:1].expand(size or 1, -1, -1, -1).contiguous()
        with self._reading_inside():
            return observe_shapes(self.network.graph, [repeated] if size else [inputs[:2], inputs])

    @cached_property
    def _shapes(self) -> dict[str, Shape]:
        if self.whole is not None:
            return self.whole._shapes
        return free_axes(self._observed[0].shapes, self._observed[-1].shapes)

    @cached_property
    def _places(self) -> dict[str, Place]:
        if self.whole is not None:
            return self.whole._places
        return find_places(self.network.graph)

    @cached_property
    def structure(self) -> str | None:
        """The nodes of the graph; its weights are in the fingerprint."""
        return None if self.whole is not None else self.network.graph.outline

    @cached_property
    def _layers(self) -> list[Layer]:
        if self.whole is not None:
            return self.whole._layers
        return self.kept("layers", list[Layer], self._find_layers, self.structure)

    def _find_layers(self) -> list[Layer]:
        graph, observed = self.network.graph, self._observed[0]
        sights = self._sights
        costs = multiply_adds(graph, observed.shapes)
        sketched = self._sketches
        reader = LayoutReader(self.network.input.size)
        found = [
            reader.describe(
                name,
                place.kind,
                observed.shapes.get(place.tensor, ()),
                sights.get(place.tensor),
                sketched.get(place.tensor, []),
                cost_after=share_after(graph, place.tensor, costs),
                cut="graph" if Capability.CUT in self.capabilities else "none",
            )
            for name, place in self._places.items()
            if observed.shapes.get(place.tensor, ())[:1] == (observed.batch,)
            and (graph.types.get(place.tensor) or TensorProto.FLOAT) in DTYPES
        ]
        return [each for each in found if each is not None]

    @cached_property
    def _sights(self) -> dict[str, GridField]:
        """What every tensor's cells see of the image, where the operations tell."""
        return follow(self.network.graph, self.network.image, self._observed[0].shapes)

    @cached_property
    def _sketches(self) -> dict[str, list[np.ndarray]]:
        """Sketches of the layers whose layout the operations do not tell, by tensor."""
        observed = self._observed[0]
        unknown = {
            place.tensor: shape
            for place in self._places.values()
            if len(shape := observed.shapes.get(place.tensor, ())) in (3, 4)
            and shape[0] == observed.batch
            and self._sights.get(place.tensor) is None
        }
        if not unknown:
            return {}
        images = corner_images(self.spec.input).to(self.network.engine.device)
        with self._reading_inside():
            return sketch_layers(self.network, unknown, self.network.encode(images))


def _recent(kept: dict[Key, Value], most: int, key: Key, make: Callable[[], Value]) -> Value:
    """The value kept for a key, made where there is none; the least recently used is dropped."""
    kept[key] = kept.pop(key) if key in kept else make()
    while len(kept) > most:
        del kept[next(iter(kept))]
    return kept[key]
