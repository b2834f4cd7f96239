"""PyTorch models behind the interface that methods use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from interp.cut import Cut, as_maps
from interp.errors import ModelError, UnsupportedError
from interp.model import ModelAdapter
from interp.network.attention import AttentionPass
from interp.network.autograd import sloped
from interp.network.layout import LayoutReader, corner_images, to_maps
from interp.network.preprocess import probe_images
from interp.network.scores import close
from interp.readout import OutputDescription
from interp.spec import BLACK_BOX, Capability, Layer, ModelOptions, ModelSpec
from interp.storage.folder import new_folder, seal
from interp.target import Target
from interp_torch.attention import reading_attention
from interp_torch.cut import GraphCut, HookCut
from interp_torch.derived import Recipe, write_derived
from interp_torch.graph import EXACT, Graph, trace_exported, trace_symbolic
from interp_torch.hooks import capture
from interp_torch.live import evaluated_twin
from interp_torch.network import Network
from interp_torch.observe import Recorder, observe
from interp_torch.packed import PackedGraph
from interp_torch.split import Batching, learn_batching, select, split

MANY = 4
"""Convolutions from which on a module is run as a graph that packs them."""
AdoptModule = Callable[..., "TorchAdapter"]
"""adopt_module(base, module, builder, params, classes): see interp_torch.opening.adopt_module."""


@dataclass(eq=False, repr=False)
class TorchAdapter(ModelAdapter):
    """A PyTorch module, or an exported program, with its layers, cuts and gradients."""

    network: Network
    spec: ModelSpec
    options: ModelOptions
    output: OutputDescription
    program: Graph | None = None
    """The graph of an exported program, which offers no module."""
    recipe: Recipe | None = None
    """How the model was made of another one; None where it was not."""
    adopt_module: AdoptModule | None = None
    lacking: frozenset[Capability] = frozenset()
    """What the module's source keeps from being offered."""
    whole: TorchAdapter | None = None
    """The model that this one is with its output read otherwise, whose layers are the same."""
    _cuts: dict[str, Cut] = field(default_factory=dict)

    @property
    def capabilities(self) -> frozenset[Capability]:  # type: ignore[override]
        """All, except for what the source lacks, and a program has no module."""
        if self.black_box:
            return BLACK_BOX - self.lacking
        return (
            frozenset(Capability) - self.lacking - ({Capability.MODULE} if self.program else set())
        )

    @property
    def normalised(self) -> bool:  # type: ignore[override]
        return self.output.normalised

    def predict(self, images: Tensor) -> Tensor:
        with torch.no_grad(), self.network.running():
            scores = self.network.forward(self.network.encode(images))
        return scores.detach()  # recorded where the module works in threads of its own

    def predict_many(self, images: Tensor) -> Tensor:
        """Raw scores with packed convolutions, where torch.fx can follow the module."""
        packed, structure = self._packed
        if packed is None or self.network.structure() != structure:
            return self.predict(images)
        with torch.no_grad(), self.network.running():
            return self.network.read(packed(self.network.encode(images)))

    def raw(self, images: Tensor) -> Any:
        return self.network.raw(self.network.encode(images))

    def read_as(self, output: OutputDescription) -> TorchAdapter:
        network = replace(self.network, scores=output.scores)
        spec, whole = self.read_spec(output), self.whole or self
        return replace(self, network=network, spec=spec, output=output, whole=whole, _cuts={})

    def layers(self) -> list[Layer]:
        """Every named module called once with a map, tokens or a vector as its output."""
        return self._layers

    def activations(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        if Capability.ACTIVATIONS not in self.capabilities:
            raise self.lacks(Capability.ACTIVATIONS)
        described = {name: self.layer(name) for name in layers}
        names = list(described)
        with torch.no_grad(), self.network.running():
            inputs = self.network.encode(images)
            found = {} if self.program else capture(self.network.module, inputs, names)
            rest = [name for name in names if name not in found]  # modules that answer no tensor
            if rest and self._graph is not None:
                places = [self._graph.places[name] for name in rest]
                found |= zip(rest, select(self._graph, places)(inputs), strict=True)
        return {name: to_maps(described[name], each) for name, each in found.items()}

    def attention(self, images: Tensor, recorded: bool = False) -> AttentionPass:
        """Scores and attention; `recorded`, also where no weight needs a gradient."""
        need = Capability.GRADIENTS if recorded else Capability.ACTIVATIONS
        if need not in self.capabilities:
            raise self.lacks(need)
        own = self  # whose slopes are asked for later, when another thread may run the module
        if recorded and Capability.MODULE in self.capabilities:
            own = self.with_own_module()
        with reading_attention(own.network.module, len(images)) as layers:
            if not recorded:
                return AttentionPass(own.predict(images), layers)
            pixels = images.detach().to(own.network.device).clone().requires_grad_()
            return AttentionPass(own.forward(pixels), layers)

    def cut(self, layer: str) -> Cut:
        """The model split at a layer; cached, and compared once with the whole model."""
        if Capability.CUT not in self.capabilities:
            raise self.lacks(Capability.CUT)
        if layer not in self._cuts:
            self._cuts[layer] = self._make_cut(self.layer(layer))
        return self._cuts[layer]

    def sloped(self, images: Tensor, layers: Sequence[Layer]) -> set[str]:
        if self._graph is None or Capability.GRADIENTS not in self.capabilities:
            return set()
        nodes = [self._graph.places[each.name].node for each in layers]
        recorder = Recorder(self._graph.module, nodes)
        try:
            with torch.enable_grad(), self.network.running():
                pixels = self.network.encode(images).detach().requires_grad_()
                scores = self.network.read(recorder.run(pixels))
                return sloped(scores, layers, [recorder.values[each] for each in nodes])
        except Exception:  # the model's own operations: they may not be recorded
            return set()

    def forward(self, images: Tensor) -> Tensor:
        with torch.enable_grad(), self.network.running():
            return self.network.forward(self.network.encode(images))

    def gradient(self, images: Tensor, targets: Sequence[Target]) -> Tensor:
        with self.network.running():  # the way back, too
            return super().gradient(images, targets)

    def module(self) -> nn.Module:
        if Capability.MODULE not in self.capabilities:
            raise self.lacks(Capability.MODULE, "the module")
        return self._evaluated if self.training else self.network.module

    @property
    def training(self) -> bool:
        return self.network.training

    def evaluating(self) -> AbstractContextManager[None]:
        return self.network.in_eval_mode()

    @cached_property
    def _evaluated(self) -> nn.Module:
        """A twin in evaluation mode of a module that a program holds in training mode."""
        return evaluated_twin(self.network.module)

    def with_own_module(self) -> TorchAdapter:
        self.module()
        network = replace(self.network, module=evaluated_twin(self.network.module))
        return replace(self, network=network, whole=self.whole or self, _cuts={})

    def adopt(
        self,
        module: nn.Module,
        builder: str,
        params: dict[str, object],
        classes: Sequence[str] | None = None,
    ) -> TorchAdapter:
        if Capability.MODULE not in self.capabilities or self.adopt_module is None:
            raise self.lacks(Capability.MODULE, "adopting a module")
        return self.adopt_module(self, module, builder, params, classes)

    def write_model(self, folder: Path) -> None:
        if self.recipe is None:
            raise UnsupportedError(f"{self.spec.name} was not made by a builder; nothing to save")
        write_derived(self.network.module, self.recipe, folder)

    def save_model(self, folder: str | Path) -> Path:
        """Write an adopted model, recipe and weights, whole or not at all, into a new folder."""
        with new_folder(Path(folder)) as draft:
            self.write_model(draft)
            seal(draft, {"kind": "model"})
        self.spec = self.spec.model_copy(update={"source": str(folder)})
        return Path(folder)

    def export(self, path: Path) -> None:
        """Write the model as an ONNX file in float32."""
        from interp_torch.export import write_onnx

        if self.spec.precision != "fp32":
            found = self.spec.precision
            raise UnsupportedError(
                f"{self.spec.name} runs in {found}; open it in fp32 to export it"
            )
        write_onnx(self.network, self.spec, path)

    def to_device(self, values: np.ndarray) -> Tensor:
        return torch.tensor(np.ascontiguousarray(values), device=self.network.device)

    def _make_cut(self, layer: Layer) -> Cut:
        """By graph where its scores equal the whole model's, else by hooks."""
        if self._graph is not None and layer.cut == "graph":
            halves = split(self._graph, self._graph.places[layer.name], self._batching)
            cut = GraphCut(layer, self, self.network, halves, self._graph.packs)
            if cut.holds(self._probe, self._expected):
                return as_maps(cut)
        if self.program is not None:
            raise ModelError(
                f"{self.spec.name} cannot be cut at {layer.name}; choose another layer"
            )
        hooked = layer.model_copy(update={"cut": "hooks"})
        return as_maps(HookCut(hooked, self, self.network))

    @cached_property
    def _probe(self) -> Tensor:
        """Two random images (2, 3, h, w), the same every time."""
        return probe(self.network)

    @cached_property
    def _expected(self) -> Tensor:
        return self.predict(self._probe)

    @cached_property
    def _graph(self) -> Graph | None:
        if self.whole is not None:
            return self.whole._graph
        if self.program is not None:
            return self.program
        if Capability.CUT not in self.capabilities:
            return None  # nothing is cut, and tracing a detector takes a minute
        if self._symbolic is not None:
            return self._symbolic
        with self.network.evaluating():
            inputs = self.network.encode(self._probe)
            return trace_exported(self.network.module, inputs, self._recall)

    @cached_property
    def _symbolic(self) -> Graph | None:
        with self.network.evaluating():
            inputs = self.network.encode(self._probe)
            return trace_symbolic(self.network.module, inputs, self._recall)

    def _recall(self, graph: Graph, check: Callable[[], bool]) -> bool:
        """What the check of a graph finds, kept between processes."""
        return self.kept("exact graph", bool, check, graph.outline)

    @cached_property
    def _packed(self) -> tuple[PackedGraph | None, tuple[int, ...] | None]:
        """The whole model as a graph with packed convolutions, and the structure that it has.

        None where it has few convolutions, or none.
        """
        if self.whole is not None:
            return self.whole._packed
        structure, graph = self.network.structure(), self.program
        if not self.network.packs or structure is None:
            return None, None
        if Capability.CUT in self.capabilities and self.network.convolutions >= MANY:
            graph = graph or self._symbolic  # not torch.export, which may take a minute
        found = None if graph is None else PackedGraph.of(graph.module, graph.packs)
        if found is None or len(found.steps) < MANY:
            return None, None
        with torch.no_grad(), self.network.running():
            scores = self.network.read(found(self.network.encode(self._probe)))
        return found if close(scores, self._expected, EXACT) else None, structure

    @cached_property
    def _batching(self) -> Batching:
        if self.whole is not None:
            return self.whole._batching
        if self._graph is None:
            raise self.lacks(Capability.CUT)
        with self.network.evaluating():
            return learn_batching(self._graph, self.network.encode(self._probe))

    @cached_property
    def structure(self) -> str | None:
        return None if self.whole is not None or self._graph is None else self._graph.outline

    @cached_property
    def _layers(self) -> list[Layer]:
        if self.whole is not None:
            return self.whole._layers
        if Capability.ACTIVATIONS not in self.capabilities:
            return []
        return self.kept("layers", list[Layer], self._find_layers, self.structure)

    def _find_layers(self) -> list[Layer]:
        images = corner_images(self.network.input).to(self.network.device)
        with self.network.evaluating():
            seen = observe(self.network.module, self._graph, self.network.encode(images))
        exact = self._graph.places if self._graph is not None else ()
        elsewhere = "hooks" if Capability.CUT in self.capabilities else "none"
        reader = LayoutReader(self.network.input.size)
        found = [
            reader.describe(
                name,
                output.kind,
                output.shape,
                output.sight,
                output.sketched,
                cost_after=round(1 - output.work / seen.work, 6) if seen.work else None,
                cut="graph" if name in exact else elsewhere,
            )
            for name, output in seen.layers.items()
            if output.shape[:1] == (seen.batch,)
        ]
        return [each for each in found if each is not None]


def probe(network: Network) -> Tensor:
    """Two random images (2, 3, h, w) in [0, 1], the same every time."""
    return probe_images(network.input).to(network.device)
