"""What a plugin implements: methods, renderers and attacks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from interp.context import Context
from interp.dataset import Dataset
from interp.errors import UnsupportedError
from interp.evidence import Evidence, PartMaps
from interp.explanation import Explanation, join
from interp.knowledge import Knowledge
from interp.lazy_type import Tensor
from interp.model import ModelAdapter
from interp.network.placement import Placement
from interp.params import Params
from interp.spec import Capability
from interp.target import Target

__all__ = [
    "Attack",
    "FittedMethod",
    "ImageView",
    "Method",
    "Params",
    "PerImageMethod",
    "Renderer",
    "Style",
]


UNOFFERED = {
    "explain": "explains no single image",
    "fit": "has nothing to learn",
    "merge": "does not learn in parts",
    "survey": "has no class-level view",
}
"""What is said of a method that does not implement one of these."""


def unoffered(name: str, verb: str) -> UnsupportedError:
    """The error of a method, by its name, that does not implement `verb`, one of UNOFFERED."""
    return UnsupportedError(f"{name} {UNOFFERED[verb]}")


@dataclass(frozen=True)
class Method(ABC):
    """A method of explaining. A subclass sets `Params` and `needs`, and implements what it offers.

    class Brightness(Method):
        def explain(self, model, images, targets, knowledge, context): ...
    """

    Params: ClassVar[type[Params]] = Params
    """The class of its parameters."""
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT})
    """What it needs of the model; checked before it is called."""
    fits_in_pieces: ClassVar[bool] = False
    """Whether `fit` cuts its work into pieces and has them done by context.pool."""

    params: Any

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """Explain the scores of each target on original images, (H, W, 3) uint8 RGB.

        `knowledge` is what `fit` learned, or None. Evidence is in each image's own coordinates;
        model.prepare gives the model's input and the mapping between the two.
        """
        raise unoffered(type(self).__name__, "explain")

    def scores(
        self, model: ModelAdapter, images: Sequence[np.ndarray], context: Context
    ) -> Tensor | None:
        """Raw scores (N, K) of images that `explain` is about to run anyway; None: predict them.

        Run asks for them before `explain`, for the model's prediction. What was computed on the
        way may wait in context.kept, so that no image goes twice through the model.
        """
        return None

    def images_at_once(self, model: ModelAdapter, context: Context) -> int:
        """How many images of a folder `explain_each` is given in one call; by default one."""
        return 1

    def explain_each(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Sequence[Target]],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Iterable[Explanation]:
        """What `explain` says of each image alone, for the targets of its own.

        A method that runs several images through the model together overrides this and
        `images_at_once`; its answers may differ from those of `explain` by rounding.
        """
        for image, own in zip(images, targets, strict=True):
            yield self.explain(model, [image], own, knowledge, context)

    def fit(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Knowledge:
        """Learn what the method needs of a model before it can explain."""
        raise unoffered(type(self).__name__, "fit")

    def merge(self, parts: Sequence[Knowledge]) -> Knowledge:
        """Join what `fit` learned in parts, each by a process with its own Budget.shard."""
        raise unoffered(type(self).__name__, "merge")

    def survey(
        self, model: ModelAdapter, dataset: Dataset, knowledge: Knowledge | None, context: Context
    ) -> Explanation:
        """Explain the model's classes or a data set, not a single image."""
        raise unoffered(type(self).__name__, "survey")


@dataclass(frozen=True, eq=False)
class ImageView(ABC):
    """One image (H, W, 3) uint8 RGB, and what was `learned` of the model that sees it.

    Base of the classes that turn both into evidence. `index` is the image's number among the
    `count` images that are explained together.
    """

    model: ModelAdapter
    image: np.ndarray
    index: int
    learned: Any
    params: Any
    count: int = 1

    @abstractmethod
    def to_explanation(self, targets: Sequence[Target]) -> Explanation:
        """Evidence about this image for every target."""

    @cached_property
    def prepared(self) -> tuple[Tensor, Placement]:
        """The model's input (3, h, w) RGB in [0, 1], and where it lies in the image."""
        return self.model.prepare(self.image)

    @property
    def pixels(self) -> Tensor:
        """The model's input as a batch of one, (1, 3, h, w) RGB in [0, 1]."""
        return self.prepared[0][None]

    @property
    def placement(self) -> Placement:
        """Where the model's input lies in the image."""
        return self.prepared[1]

    def place(self, cells: np.ndarray, layer: str) -> np.ndarray:
        """A map (gh, gw) on a layer's grid as a map (H, W) over the image."""
        field = self.model.layer(layer).field
        values = self.placement.grid_to_input(cells.astype(np.float32), field)
        return self.placement.to_image(values)

    def part_maps(
        self, name: str, layer: str, maps: np.ndarray, filters: np.ndarray, target: str
    ) -> PartMaps:
        """Maps of some `filters` over the image with their peaks; maps (K, gh, gw) are all."""
        placed = np.stack([self.place(maps[each], layer) for each in filters])
        peaks = [np.unravel_index(each.argmax(), each.shape) for each in placed]
        return PartMaps(
            name=name,
            target=target,
            image=self.index,
            layer=layer,
            maps=placed,
            peaks=np.array(peaks, np.int64),
            filters=[int(each) for each in filters],
        )


@dataclass(frozen=True)
class FittedMethod(Method):
    """A method that explains images, one by one, with what its `fit` learned of the model.

    Subclasses set `View`, which explains one image, and say where knowledge is found (`learned`).
    """

    View: ClassVar[type[ImageView]]
    main: ClassVar[str | None] = None
    """Name of the evidence whose map stands for an explanation; None: the first with a map."""

    @abstractmethod
    def learned(self, model: ModelAdapter, knowledge: Knowledge | None) -> Any:
        """What was learned of the model, from `knowledge` or else from where it is kept.

        InputError where nothing was learned of this model.
        """

    def shared_evidence(self, learned: Any, targets: Sequence[Target]) -> Iterable[Evidence]:
        """Evidence that is the same for all images."""
        return ()

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """Evidence about each image for every target, then what all images share."""
        learned, parts = self.learned(model, knowledge), []
        for index, image in enumerate(images):
            context.out_of_time()
            context.progress("explaining", index + 1, len(images))
            view = self.View(model, image, index, learned, self.params, len(images))
            parts.append(view.to_explanation(targets))
        found = join(parts)
        shared = self.shared_evidence(learned, targets)
        return replace(found, evidence=(*found.evidence, *shared), main=self.main)


@dataclass(frozen=True)
class PerImageMethod(Method):
    """Base of methods that learn nothing and explain one image after another.

    Example: a class with `def explain_image(self, model, image, targets, context): ...`.
    """

    @abstractmethod
    def explain_image(
        self, model: ModelAdapter, image: np.ndarray, targets: Sequence[Target], context: Context
    ) -> Explanation:
        """Evidence about one original image, (H, W, 3) uint8 RGB, for each target.

        `scores` are keyed by target name. `image` of the evidence is filled in by the caller.
        """

    def explain_images(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        context: Context,
    ) -> Iterator[Explanation]:
        """Each image's explanation by itself, in order; override it to run images together."""
        for image in images:
            context.out_of_time()
            yield self.explain_image(model, image, targets, context)

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """The images' explanations in one; several images are told apart in scores and notes."""
        parts = []
        for at, found in enumerate(self.explain_images(model, images, targets, context)):
            found = found.about_image(at)
            if len(images) > 1:
                found = found.on_image(at, [each.name for each in targets])
            parts.append(found)
        return join(parts)


@dataclass(frozen=True)
class Style:
    """How evidence is drawn; one style for all pictures of a comparison."""

    scale: float | None = None
    """Importance at the end of the colour scale; None: the evidence's own."""
    opacity: float = 0.6
    """Opacity of a map over its image, 0 to 1."""
    threshold: float = 0.0
    """Values below this share of the scale are not drawn, 0 to 1."""
    width: int = 360
    """Width of the picture in pixels, without its legend."""


class Renderer(ABC):
    """Draws evidence of one kind."""

    @abstractmethod
    def render(self, evidence: Evidence, image: np.ndarray | None, style: Style) -> np.ndarray:
        """The picture with its legend, (h, w, 3) uint8 RGB; image (H, W, 3) uint8 RGB, if any."""


class Attack(ABC):
    """An adversarial attack: changes images a little so that a model errs."""

    @abstractmethod
    def perturb(
        self, model: ModelAdapter, images: Tensor, labels: Tensor, eps: float, steps: int
    ) -> Tensor:
        """Perturbed images (B, 3, h, w) in [0, 1], no value changed by more than eps.

        labels (B,) are the true classes; `steps` is the number of steps of an iterative attack.
        """
