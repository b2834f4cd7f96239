"""DeepLIFT with the rescale rule, by Captum's DeepLift."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from interp.errors import UnsupportedError
from interp_captum.bridge import captum
from interp_captum.hooked import ScoreModule
from interp_captum.method import BASELINE, HOOKS, CaptumInput, Fill
from interp_captum.noise import GradientMethod, NoiseParams

if TYPE_CHECKING:
    from torch import Tensor

SMALL = 1e-6
"""Changes of an activation's input below which the slope replaces the ratio of differences."""
SHARE, ROUNDING = 1e-3, 1e-5
"""Tolerance of the contributions' sum: a share of the score's change, and of all terms' sizes."""


class DeepLiftParams(NoiseParams):
    """DeepLIFT's parameters."""

    output: Literal["logit"] = Field(
        "logit", description="class score that is explained: the logit, as the paper advises"
    )
    baseline: Fill = BASELINE


@dataclass(frozen=True)
class DeepLift(GradientMethod):
    """Each pixel's share of the score's change from a plain image, in one pass back.

    An activation f of input z passes `(f(z) - f(z')) / (z - z')` back in place of its slope, z'
    its input on the plain image x'; so the contributions, `x - x'` times what arrives, add up to
    `score(x) - score(x')`. A. Shrikumar, P. Greenside, A. Kundaje: Learning Important Features
    Through Propagating Activation Differences, ICML 2017 (rescale rule, section 3.5.1).

    Captum knows the rule for some activation modules that run once. Ours is that a network where
    the contributions do not add up is refused.
    """

    Params = DeepLiftParams
    needs = HOOKS
    unit = "score per pixel"
    passes = 5

    params: DeepLiftParams

    def attributions(self, given: CaptumInput, images: Tensor) -> Tensor:
        """Contributions."""
        import torch

        return torch.stack([self._contributions(given, image[None]) for image in images])

    def _contributions(self, given: CaptumInput, pixels: Tensor) -> Tensor:
        """Those of an image (1, 3, h, w), (3, h, w)."""
        from interp_captum.hooked import hooking

        plain = given.plain_image(self.params.baseline).contiguous()
        with hooking(given.score) as hooked:
            _check_runs(hooked, given, pixels)
            found = captum().DeepLift(hooked, eps=SMALL).attribute(pixels.clone(), plain)
        contributions: Tensor = found[0].detach()
        _check_sum(contributions, given, pixels, plain)
        return contributions


def _check_runs(hooked: ScoreModule, given: CaptumInput, pixels: Tensor) -> None:
    """Raise UnsupportedError where an activation runs twice: Captum keeps one input a module."""
    from interp_captum.hooked import observe

    runs, _ = observe(hooked, pixels)
    for name, count in Counter(each.name for each in runs).items():
        if count > 1:
            raise UnsupportedError(
                f"deeplift needs a module of its own for each activation; {given.model.spec.name} "
                f"runs {name} {count} times; use integrated-gradients"
            )


def _check_sum(found: Tensor, given: CaptumInput, pixels: Tensor, plain: Tensor) -> None:
    """Raise UnsupportedError unless the contributions (3, h, w) add up to the score's change."""
    import torch

    full, none = given.score.without_gradient(torch.cat([pixels, plain])).double()
    total, change = float(found.double().sum()), float(full - none)
    sizes = float(found.abs().sum() + full.abs() + none.abs())
    if abs(total - change) > SHARE * abs(change) + ROUNDING * sizes:
        raise UnsupportedError(
            f"deeplift's contributions add up to {total:.4g} where the score changes by "
            f"{change:.4g}: {given.model.spec.name} has an activation that Captum does not know, "
            "one that is a function call, or a pooling of overlapping windows; "
            "use integrated-gradients"
        )
