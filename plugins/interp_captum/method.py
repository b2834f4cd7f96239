"""What the bridged methods share: one map for each image and target."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from interp.engine.convergence import reliability, unsettled
from interp.evidence import ChannelImportance, Evidence, Heatmap
from interp.explanation import Explanation, finding_key, join
from interp.method import Method
from interp.params import Params
from interp_captum.bridge import Score

if TYPE_CHECKING:
    from torch import Tensor

    from interp.context import Context
    from interp.knowledge import Knowledge
    from interp.model import ModelAdapter
    from interp.network.placement import Placement
    from interp.target import Target

Fill = Literal["mean", "grey", "black"]
BASELINE: Any = Field("mean", description="plain image to compare with; mean is the network's zero")


class CaptumParams(Params):
    """What every bridged method is asked."""

    output: Literal["logit", "prob"] = Field(
        "logit", description="the class score that is explained: raw, or a probability"
    )


@dataclass(frozen=True, eq=False)
class View:
    """One image and target: pixels (1, 3, h, w) RGB in [0, 1], and where they lie."""

    score: Score
    pixels: Tensor
    placement: Placement
    image: int

    @property
    def model(self) -> ModelAdapter:
        """The model that is explained."""
        return self.score.model

    def heatmap(
        self,
        values: np.ndarray,
        unit: str,
        layer: str | None = None,
        signed: bool = True,
        error: np.ndarray | None = None,
    ) -> Heatmap:
        """A map (h, w) over the network's input as evidence over the original image."""
        return Heatmap(
            name="map",
            target=self.score.target.name,
            image=self.image,
            layer=layer,
            values=self.placement.to_image(values.astype(np.float32)),
            signed=signed,
            unit=unit,
            standard_error=None if error is None else self.placement.to_image(error),
        )

    def channels(self, values: Tensor, layer: str) -> ChannelImportance:
        """Importance (C,) of a layer's channels as evidence."""
        return ChannelImportance(
            name="channels",
            target=self.score.target.name,
            image=self.image,
            layer=layer,
            values=values.cpu().numpy(),
        )

    def colour(self, fill: Fill) -> Tensor:
        """A plain image (1, 3, h, w); "mean" is zero in the network's normalised input."""
        levels = {"grey": (0.5,) * 3, "black": (0.0,) * 3}
        chosen = self.pixels.new_tensor(levels.get(fill, self.model.spec.input.mean))
        return chosen.view(1, 3, 1, 1).expand_as(self.pixels)


@dataclass(frozen=True)
class CaptumMethod(Method):
    """A method of Captum's, asked once for each image and target."""

    @abstractmethod
    def find(self, view: View) -> tuple[Evidence, ...]:
        """The evidence for one image and target."""

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """A map for each image and target, in the original image's coordinates."""
        parts: list[Explanation] = []
        for at, image in enumerate(images):
            pixels, placement = model.prepare(image)
            for target in targets:
                score = Score(model, target, self.params.output, context)
                found = self.find(View(score, pixels[None], placement, at))
                key = finding_key(target.name, at, len(images))
                scores, notes = _trust(key, found, score)
                parts.append(Explanation(found, score.count, scores, notes))
        return join(parts)


def _trust(
    key: str, found: tuple[Evidence, ...], score: Score
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """How far a sampled map can be trusted, by its standard error; nothing of other maps."""
    values, error = found[0].map(), found[0].error_map()
    if values is None or error is None:
        return {}, ()
    known = reliability(values, error)
    stable = score.context.budget.until == "stable"
    notes = unsettled(key, known, score.count) if stable else []
    return {key: {"reliability": round(known, 4), "samples": score.count}}, tuple(notes)
