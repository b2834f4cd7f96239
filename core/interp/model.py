"""The interface of models, whatever their framework: scores, activations, cuts, gradients."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from interp.cut import Cut, Frontier, Gates, Output
from interp.errors import InputError, UnsupportedError, nearest
from interp.lazy_type import Tensor, nn
from interp.network.attention import AttentionPass
from interp.network.autograd import slopes
from interp.network.default_layer import last_map, maps_of
from interp.network.layout import LayoutReader
from interp.network.placement import Placement, prepare
from interp.network.preprocess import describe_channels, probe_images
from interp.network.scores import express
from interp.readout import OutputDescription, RawImage
from interp.spec import PROBABILITY, VALUE, Capability, Layer, ModelSpec
from interp.storage.cache import Fact, kept, state_of
from interp.target import Target
from interp.version import installed_version

__all__ = ["Cut", "Frontier", "Gates", "ModelAdapter", "Output"]


class ModelAdapter(ABC):
    """A model of any framework, as methods see it.

    Tensors are on the model's device. Images are (N, 3, h, w) RGB in [0, 1], of a model of other
    channels (N, C, h, w) in [0, 1] with C = spec.input.channels; the adapter does the
    normalisation. A call names the capability it needs, where not every model offers it, and raises
    UnsupportedError without.
    """

    spec: ModelSpec
    capabilities: frozenset[Capability]
    normalised: bool = False
    """Whether the raw scores are probabilities already."""
    remote: bool = False
    """Whether another process computes its answers, so that this one may work meanwhile."""
    output: OutputDescription | None = None
    """How the model's raw output is read; None where the adapter knows no readouts."""

    def __repr__(self) -> str:
        spec = getattr(self, "spec", None)
        if spec is None:  # still being made
            return object.__repr__(self)
        size = " x ".join(map(str, spec.input.size))
        about = f"{spec.name}, {len(spec.classes)} classes, input {size}, {spec.device}"
        return f"{type(self).__name__}({about})"

    @abstractmethod
    def predict(self, images: Tensor) -> Tensor:
        """Raw scores (N, K), logits where the model has them. Other sizes of image are resized."""

    def predict_many(self, images: Tensor) -> Tensor:
        """Raw scores (N, K) as `predict` gives them, by a way that thousands of images pay for.

        An adapter may prepare it in the first call; its scores are rounded otherwise at most.
        """
        return self.predict(images)

    def probabilities(self, scores: Tensor, output: Output = "prob") -> Tensor:
        """Raw scores (..., K) as `output`, by the model's own activation.

        Raises UnsupportedError for the logarithm of what is no probability: it may be negative.
        """
        if output == "logprob" and self.spec.unit != PROBABILITY:
            raise UnsupportedError(
                f"found output logprob, but the scores of {self.spec.name} are no probabilities "
                f"(unit: {self.spec.unit}); choose prob or logit, which both explain the score"
            )
        return express(scores, output, self.spec.activation, self.normalised)

    def unit(self, output: Output = "prob") -> str:
        """The unit of scores as `output`: "probability", "logit", "log probability", or "value"."""
        plain = self.spec.unit != PROBABILITY and self.spec.activation == "none"
        if output == "prob" or self.spec.unit == VALUE or (plain and output == "logit"):
            return self.spec.unit
        return "logit" if output == "logit" else f"log {self.spec.unit}"

    @abstractmethod
    def layers(self) -> list[Layer]:
        """The layers that can be read, in the order of execution."""

    @abstractmethod
    def activations(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Outputs of the named layers from one pass.

        Maps (N, C, h, w) of every layer with a grid, vectors (N, C), and others as they are.
        """

    def attention(self, images: Tensor, recorded: bool = False) -> AttentionPass:
        """Scores and attention probabilities of one pass. Needs ACTIVATIONS.

        `recorded` for autograd, which needs GRADIENTS. Layers without attention that can be read
        are not among the pass's.
        """
        raise UnsupportedError(f"{self.spec.name} does not show its attention")

    def cut(self, layer: str) -> Cut:
        """The model split at a layer, with maps (N, C, h, w) if it has a grid. Needs CUT."""
        raise self.lacks(Capability.CUT)

    def forward(self, images: Tensor) -> Tensor:
        """The scores (N, K) of predict, recorded for autograd. Needs GRADIENTS."""
        raise self.lacks(Capability.GRADIENTS)

    def gradient(self, images: Tensor, targets: Sequence[Target]) -> Tensor:
        """Gradient of each image's target score by its pixels, (N, 3, h, w). Needs GRADIENTS.

        One target for all images, or one for each; here by autograd, of what `forward` records.
        """
        if Capability.GRADIENTS not in self.capabilities:
            raise self.lacks(Capability.GRADIENTS)
        if len(targets) not in (1, len(images)):
            raise InputError(f"{len(images)} images and {len(targets)} targets; expected one each")
        chosen = list(targets) * (len(images) if len(targets) == 1 else 1)
        found = slopes(
            images.to(self.spec.device),
            [each.select for each in chosen],
            lambda pixels: self.probabilities(self.forward(pixels), "logit"),
        )
        if found is None:
            raise UnsupportedError(
                f"{self.spec.name} has no slopes: nothing that it runs records any; choose a "
                "method without them, such as rise or occlusion"
            )
        return found

    def module(self) -> nn.Module:
        """The PyTorch module in evaluation mode, which predict and forward run. Needs MODULE.

        Layers are called as in its named_modules(), and hooks on its parts are called. Outside of
        `evaluating`, of a module that a program holds in training mode, it is a twin that shares
        the weights.
        """
        raise self.lacks(Capability.MODULE)

    @property
    def training(self) -> bool:
        """Whether a program holds its module in training mode, and may train it meanwhile."""
        return False

    def evaluating(self) -> AbstractContextManager[None]:
        """The module in evaluation mode within the block; every run of a method is in one."""
        return nullcontext()

    def with_own_module(self) -> ModelAdapter:
        """The same model, whose module no other thread runs: for hooks and flags on its parts.

        Weights are shared. Needs MODULE.
        """
        self.module()
        return self

    def adopt(
        self,
        module: nn.Module,
        builder: str,
        params: dict[str, object],
        classes: Sequence[str] | None = None,
    ) -> ModelAdapter:
        """A new model of `module`, which the registered `builder` made of this one. Needs MODULE.

        `params` are the builder's. Its classes are this model's, or `classes`.
        """
        raise self.lacks(Capability.MODULE)

    def write_model(self, folder: Path) -> None:
        """Write a model that adopt made into an existing folder: its recipe and its weights."""
        raise UnsupportedError(f"{self.spec.name} was not made by a builder; nothing to save")

    def export(self, path: Path) -> None:
        """Write the model as an ONNX file with its model card in the metadata; unchecked."""
        raise UnsupportedError(f"{self.spec.name} cannot be exported; PyTorch models can")

    @abstractmethod
    def to_device(self, values: np.ndarray) -> Tensor:
        """A NumPy array as a tensor of the same dtype on the model's device."""

    def prepare(self, image: np.ndarray) -> tuple[Tensor, Placement]:
        """An original image as input (3, h, w) RGB in [0, 1], or (C, h, w), and the mapping.

        The image is (H, W, 3) uint8, or (H, W, C) in [0, 1]. Raises InputError for other channels.
        """
        if image.shape[2:] != (self.spec.input.channels,):
            raise InputError(
                f"found an image of {describe_channels(image.shape[-1])}; {self.spec.name} takes "
                f"{describe_channels(self.spec.input.channels)}; give it an array of these"
            )
        pixels, placement = prepare(image, self.spec.input)
        return self.to_device(pixels), placement

    @property
    def focuses(self) -> bool:
        """Whether its scores are other ones for each image, as those of the boxes found there."""
        return self.output is not None and self.output.focus is not None

    def focus(self, image: np.ndarray) -> ModelAdapter:
        """The model as it scores versions of one original image, as prepare takes it.

        Itself, unless its readout looks at the image: then its classes are what was found there.
        """
        if self.output is None or self.output.focus is None:
            return self
        pixels, placement = self.prepare(image)
        return self.read_as(self.output.focus(RawImage(self.raw(pixels[None]), image, placement)))

    def raw(self, images: Tensor) -> Any:
        """The model's raw output, before its readout, for images (N, 3, h, w) RGB in [0, 1]."""
        raise UnsupportedError(f"{self.spec.name} does not show its raw output")

    def read_as(self, output: OutputDescription) -> ModelAdapter:
        """The same model with its output read otherwise; what is known of its layers is shared."""
        raise UnsupportedError(f"the output of {self.spec.name} cannot be read otherwise")

    def read_spec(self, output: OutputDescription) -> ModelSpec:
        """The model's description with its output read so."""
        notes = dict.fromkeys((*self.spec.notes, *output.notes))
        return self.spec.model_copy(
            update={
                "activation": output.activation,
                "classes": output.classes,
                "unit": output.unit,
                "notes": tuple(notes),
            }
        )

    def layer(self, name: str) -> Layer:
        """The layer called `name`. Raises InputError that offers the nearest names."""
        known = {each.name: each for each in self.layers()}
        if name not in known:
            raise InputError(f"{self.spec.name} has no layer {name!r}; {nearest(name, known)}")
        return known[name]

    def maps(self) -> list[Layer]:
        """The layers over a grid of several cells, in order; not those that only pool or pad."""
        return maps_of(self.layers())

    def map_layer(self, name: str | None = None) -> Layer:
        """The layer called `name`, by default the last map that the scores depend on.

        In a transformer read by its class token that is the input of the last attention: nothing
        reads the other tokens after it. Raises UnsupportedError where the layer has no grid.
        """
        if name is None:
            return self._last_map
        chosen = self.layer(name)
        if chosen.grid is None:
            raise UnsupportedError(
                f"layer {name} of {self.spec.name} is no map (its layout: {chosen.layout}); "
                "choose one with a grid: interp layers lists them"
            )
        return chosen

    def sloped(self, images: Tensor, layers: Sequence[Layer]) -> set[str]:
        """The names of those layers whose maps the scores of an image (1, C, h, w) have slopes by.

        Empty where that cannot be told by one pass forth and back.
        """
        return set()

    @property
    def structure(self) -> str | None:
        """What tells the graph that the model runs from any other; None where that is not known.

        By it and the weights' fingerprint facts are kept between processes.
        """
        return None

    def kept(self, what: str, kind: Any, find: Callable[[], Fact], structure: str | None) -> Fact:
        """A fact, of a type that pydantic knows, on the model's graph, or a part, of a structure.

        It is what an earlier process found, or else is found now; also where structure is None.
        """
        if structure is None:
            return find()
        spec = self.spec.model_dump(exclude={"name", "source", "notes"})
        return kept(kind, find, what, structure, spec, *_finders(type(self)))

    @cached_property
    def _last_map(self) -> Layer:
        return self.layer(self.kept("last map", str, self._find_last_map, self.structure))

    def _find_last_map(self) -> str:
        maps = self.maps()
        if not maps:
            raise UnsupportedError(f"{self.spec.name} has no layer with channels over a grid")
        pixels = self.to_device(probe_images(self.spec.input, 1).numpy())
        answered = self.output.map_channels if self.output is not None else 0
        cuttable = Capability.CUT in self.capabilities

        sloped = self.sloped(pixels, maps) if cuttable else set()

        def matters(layer: Layer) -> bool:
            return layer.name in sloped if sloped else self.cut(layer.name).matters(pixels)

        return last_map(maps, self.spec.input.size, answered, matters if cuttable else None).name

    def lacks(self, need: Capability, who: str = "this call") -> UnsupportedError:
        """The error to raise where a caller needs what this model does not offer."""
        offers = ", ".join(sorted(self.capabilities)) or "nothing"
        if self.black_box:
            return UnsupportedError(
                f"{who} needs {need.upper()}, but through readout {self.spec.readout} "
                f"{self.spec.name} is a black box; use a method that needs scores only, as rise, "
                "lime or occlusion"
            )
        return UnsupportedError(f"{who} needs {need.upper()}; {self.spec.name} offers {offers}")

    @property
    def black_box(self) -> bool:
        """Whether its readout allows neither gradients nor cuts, whatever the model offers."""
        return self.output is not None and self.output.black_box


@cache
def _finders(adapter: type[ModelAdapter]) -> tuple[object, ...]:
    """The versions and files of the code that finds out facts; looked up once in a process."""
    code = (Path(inspect.getfile(each)).parent for each in (adapter, LayoutReader))
    versions = map(installed_version, ("torch", "onnxruntime", "onnxruntime-gpu"))
    return (*versions, *state_of(*code))
