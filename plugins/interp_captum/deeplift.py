"""DeepLIFT with the rescale rule, by Captum's DeepLift."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from interp.errors import UnsupportedError
from interp.evidence import Evidence
from interp.params import Params
from interp.spec import Capability
from interp_captum.bridge import captum
from interp_captum.method import BASELINE, CaptumMethod, CaptumParams, Fill, View

if TYPE_CHECKING:
    from torch import Tensor

    from interp_captum.hooked import Hooked

SMALL = 1e-6
"""Changes of an activation's input below which its slope stands in for their ratio."""
SHARE, ROUNDING = 1e-3, 1e-5
"""How far contributions may be from the score's change: as a share of it, and of all sizes."""


class DeepLiftParams(CaptumParams):
    """DeepLIFT's parameters."""

    output: Literal["logit"] = Field(
        "logit", description="the class score that is explained: raw, as the paper advises"
    )
    baseline: Fill = BASELINE


@dataclass(frozen=True)
class DeepLift(CaptumMethod):
    """Each pixel's share of the score's change from a plain image, in one pass back.

    An activation f of input z passes (f(z) - f(z')) / (z - z') back in place of its slope, z' its
    input on the plain image x'; so the contributions, (x - x') times what arrives, add up to
    score(x) - score(x'). A. Shrikumar, P. Greenside, A. Kundaje: Learning Important Features
    Through Propagating Activation Differences, ICML 2017 (rescale rule, section 3.5.1).

    Captum knows the rule for some activation modules that run once. Ours is that a network where
    the contributions do not add up is refused.
    """

    Params: ClassVar[type[Params]] = DeepLiftParams
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PREDICT, Capability.GRADIENTS, Capability.MODULE}
    )

    params: DeepLiftParams

    def find(self, view: View) -> tuple[Evidence, ...]:
        """Each pixel's contribution."""
        from interp_captum.hooked import hooking

        view.score.total = 5
        plain = view.colour(self.params.baseline).contiguous()
        with hooking(view.score) as hooked:
            _check_runs(hooked, view)
            found = captum().DeepLift(hooked, eps=SMALL).attribute(view.pixels.clone(), plain)
        found = found[0].detach()  # (3, h, w)
        _check_sum(found, view, plain)
        return (view.heatmap(found.sum(0).float().cpu().numpy(), "score per pixel"),)


def _check_runs(hooked: Hooked, view: View) -> None:
    """No activation runs twice: Captum keeps what one saw with its module."""
    from interp_captum.hooked import observe

    runs, _ = observe(hooked, view.pixels)
    for name, count in Counter(each.name for each in runs).items():
        if count > 1:
            raise UnsupportedError(
                f"deeplift needs a module of its own for each activation; {view.model.spec.name} "
                f"runs {name} {count} times; use integrated-gradients"
            )


def _check_sum(found: Tensor, view: View, plain: Tensor) -> None:
    """The contributions (3, h, w) add up to the score's change."""
    import torch

    full, none = view.score.plain(torch.cat([view.pixels, plain])).double()
    total, change = float(found.double().sum()), float(full - none)
    sizes = float(found.abs().sum() + full.abs() + none.abs())
    if abs(total - change) > SHARE * abs(change) + ROUNDING * sizes:
        raise UnsupportedError(
            f"deeplift's contributions add up to {total:.4g} where the score changes by "
            f"{change:.4g}: {view.model.spec.name} has an activation that Captum does not know, "
            "one that is a function call, or a pooling of overlapping windows; "
            "use integrated-gradients"
        )
