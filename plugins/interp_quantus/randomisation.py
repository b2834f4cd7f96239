"""Quantus' metrics of randomisation: a map should change with the class, and with the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from interp.errors import UnsupportedError
from interp.metric import ExplanationMetric, MetricCase, MetricParams
from interp.spec import Capability
from interp.target import Target
from interp_quantus.bridge import ask

if TYPE_CHECKING:
    from torch import nn


class RandomisationParams(MetricParams):
    """Parameters of a metric that explains something else than the target of the model."""

    images: int | None = Field(10, ge=1, description="number of images measured, the first ones")


@dataclass(frozen=True)
class RandomLogit(ExplanationMetric):
    """Similarity of the target's map with that of a random other class, by Quantus' RandomLogit.

    SSIM of the maps read row by row as one series, each over its largest absolute value; 1 where
    both are the same. L. Sixt, M. Granz, T. Landgraf: When Explanations Lie, ICML 2020. Maps of
    classes that the same pixels decide are alike for a good reason.
    """

    Params = RandomisationParams
    unit = "structural similarity"
    higher_is_better = False
    on_request = True

    def measure(self, case: MetricCase) -> float:
        classes = case.model.spec.classes
        if len(classes) < 2:
            raise UnsupportedError(
                f"found one class in {case.model.spec.name}; the comparison with another class "
                "needs two; use quantus-mprt"
            )

        def explain(targets: np.ndarray, **_: object) -> np.ndarray:
            case.context.out_of_time()
            other = int(targets[0])
            return case.explain(target=Target(other, classes[other]))

        seed = case.context.seed
        settings = {"num_classes": len(classes), "seed": seed % 2**32}
        image = np.zeros((1, 1, *case.map.shape), np.float32)  # its shape is all that is looked at
        found = ask(
            "RandomLogit",
            settings,
            image,
            case.map,
            seed=seed,
            target=case.target.index,
            explain=explain,
        )
        return float(found)


@dataclass(frozen=True)
class Mprt(ExplanationMetric):
    """Spearman's correlation of |map| with that of the network drawn anew, by Quantus' MPRT.

    All layers from the last to the first are drawn by their own initialisation. J. Adebayo et al.:
    Sanity Checks for Saliency Maps, NeurIPS 2018. Unlike in randomization the maps' absolute values
    are ranked, the sign of the correlation counts, and layers without an initialisation of their
    own stay. The user's model is copied, not touched.
    """

    Params = RandomisationParams
    needs = frozenset({Capability.PREDICT, Capability.MODULE})
    unit = "rank correlation"
    higher_is_better = False
    on_request = True

    def measure(self, case: MetricCase) -> float:
        module = case.model.module()

        def explain(model: nn.Module, **_: object) -> np.ndarray:
            case.context.out_of_time()
            if model is module:
                return case.map
            if "model" not in case.kept:  # the same weights are drawn for every image
                drawn: dict[str, object] = {"seed": case.context.seed}
                case.kept["model"] = case.model.adopt(model, "randomised", drawn)
            return case.explain(model=case.kept["model"])

        seed = case.context.seed
        settings = {"seed": seed, "skip_layers": True, "return_last_correlation": True}
        image = np.zeros((1, 1, *case.map.shape), np.float32)  # its shape is all that is looked at
        return float(
            ask("MPRT", settings, image, case.map, seed=seed, model=module, explain=explain)
        )
