"""Base of the bridged methods: Captum is called once for each image and target."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from interp.context import Context
from interp.engine.convergence import reliability, unsettled
from interp.errors import InputError, UnsupportedError
from interp.evidence import ChannelImportance, Evidence, Heatmap
from interp.explanation import Explanation, join
from interp.method import PerImageMethod
from interp.model import ModelAdapter
from interp.network.placement import Placement
from interp.params import Params
from interp.spec import Capability, Layer
from interp.target import Target
from interp.training.recording import recording
from interp_captum.bridge import Score

if TYPE_CHECKING:
    from torch import Tensor, nn

GRADIENTS = frozenset({Capability.PREDICT, Capability.GRADIENTS})
"""Needs of a method that differentiates the score."""
HOOKS = GRADIENTS | {Capability.MODULE}
"""Needs of a method that hooks PyTorch modules besides."""

Fill = Literal["mean", "grey", "black"]
BASELINE: Any = Field(
    "mean", description="colour of the reference image; mean is zero after normalisation"
)
MOST_STEPS = 2000
"""Points of a path, whose weights Captum computes all at once before the first gradient."""
LAYER: Any = Field(
    None, description="layer whose channels are weighted; default: the last one with a grid"
)


class CaptumParams(Params):
    """Parameters of every bridged method."""

    output: Literal["logit", "prob"] = Field(
        "logit", description="class score that is explained: the logit or the probability"
    )


def path_steps(context: Context, steps: int) -> int:
    """The number of points of a path: the budget's, at most MOST_STEPS, else `steps`.

    Raises InputError for a budget of one.
    """
    count = min(context.samples(steps), MOST_STEPS)
    if count < 2:
        raise InputError("found a budget of one sample; expected at least 2, the ends of a path")
    return count


@dataclass(frozen=True, eq=False)
class CaptumInput:
    """What is explained: a target's score, and one image as the network sees it."""

    score: Score
    pixels: Tensor
    """(1, 3, h, w) RGB in [0, 1], or (1, C, h, w)."""
    placement: Placement

    @property
    def model(self) -> ModelAdapter:
        """The model that is explained."""
        return self.score.model

    def hooked_layer(self, layer: Layer) -> nn.Module:
        """The module of a layer, for Captum to hook.

        Raises UnsupportedError where it takes no hooks or is not called: a part that is scripted,
        compiled or exported.
        """
        from torch import jit

        module = self.model.module().get_submodule(layer.name)
        if not isinstance(module, jit.RecursiveScriptModule):
            with recording({layer.name: module}) as calls:
                self.model.predict(self.pixels)
            if calls[layer.name]:
                return module
        raise UnsupportedError(
            f"{layer.name} of {self.model.spec.name} takes no hooks (scripted, compiled or "
            "exported?), which Captum needs; use gradcam or channel-ablation"
        )

    def heatmap(
        self,
        values: Tensor | np.ndarray,
        unit: str,
        layer: str | None = None,
        signed: bool = True,
        error: np.ndarray | None = None,
    ) -> Heatmap:
        """A map (h, w) over the network's input as evidence over the original image."""
        found = values if isinstance(values, np.ndarray) else values.detach().float().cpu().numpy()
        return Heatmap(
            name="map",
            target=self.score.target.name,
            layer=layer,
            values=self.placement.to_image(found.astype(np.float32)),
            signed=signed,
            unit=unit,
            standard_error=None if error is None else self.placement.to_image(error),
        )

    def layer_evidence(
        self, cells: Tensor, channels: Tensor, layer: Layer, unit: str, positive: bool
    ) -> tuple[Evidence, ...]:
        """A layer's map (gh, gw) over the image, and the importance (C,) of its channels.

        Each cell lies at the centre of its receptive field. `positive` drops negative cells.
        """
        grid = (cells.relu() if positive else cells).float().cpu().numpy()
        values = self.placement.grid_to_input(grid, layer.field)
        importance = ChannelImportance(
            name="channels",
            target=self.score.target.name,
            layer=layer.name,
            values=channels.cpu().numpy(),
        )
        return self.heatmap(values, unit, layer.name, not positive), importance

    def plain_image(self, fill: Fill) -> Tensor:
        """An image (1, 3, h, w) of one colour; "mean" is zero in the network's normalised input."""
        levels = {"grey": (0.5,), "black": (0.0,)}
        chosen = self.pixels.new_tensor(levels.get(fill, self.model.spec.input.fill))
        return chosen.view(1, -1, 1, 1).expand_as(self.pixels)


@dataclass(frozen=True)
class CaptumMethod(PerImageMethod):
    """A method of Captum's; subclasses write `attribute`."""

    @abstractmethod
    def attribute(self, given: CaptumInput) -> tuple[Evidence, ...]:
        """The evidence for one image and target, its map first."""

    def own(self, model: ModelAdapter) -> ModelAdapter:
        """The model; where Captum hooks its parts, one whose hooks concern no other thread."""
        return model.with_own_module() if Capability.MODULE in self.needs else model

    def explain_image(
        self, model: ModelAdapter, image: np.ndarray, targets: Sequence[Target], context: Context
    ) -> Explanation:
        """A map for each target, in the original image's coordinates."""
        model = self.own(model)
        pixels, placement = model.prepare(image)
        parts = []
        for target in targets:
            score = Score(model, target, self.params.output, context)
            found = self.attribute(CaptumInput(score, pixels[None], placement))
            parts.append(Explanation(found, score.count, *_reliability(found[0], score)))
        return join(parts)


def _reliability(found: Evidence, score: Score) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Scores and notes on a sampled map, from its standard error; none of a map without one."""
    values, error = found.map(), found.error_map()
    if values is None or error is None:
        return {}, ()
    name, trust = score.target.name, reliability(values, error)
    settling = score.context.budget.until != "samples"
    notes = unsettled(name, trust, score.count) if settling else []
    return {name: {"reliability": round(trust, 4), "samples": score.count}}, tuple(notes)
