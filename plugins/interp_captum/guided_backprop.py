"""The gradient with rectifiers that let only positive slopes back, by Captum's GuidedBackprop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from interp.errors import UnsupportedError
from interp.evidence import Evidence
from interp.params import Params
from interp.spec import Capability
from interp_captum.bridge import captum
from interp_captum.colour import ColourParams, over_colours
from interp_captum.method import CaptumMethod, View

if TYPE_CHECKING:
    from torch import Tensor

    from interp_captum.hooked import Hooked


@dataclass(frozen=True)
class GuidedBackprop(CaptumMethod):
    """The gradient on the image, with every negative slope set to zero on its way past a ReLU.

    R = max(R', 0) [f > 0] for a ReLU of input f, where R' is the slope on its output.
    J. T. Springenberg, A. Dosovitskiy, T. Brox, M. Riedmiller: Striving for Simplicity, ICLR
    Workshop 2015. Other activations keep their own slopes. It shows edges that strong features
    need, and much the same ones for every class.
    """

    Params: ClassVar[type[Params]] = ColourParams
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PREDICT, Capability.GRADIENTS, Capability.MODULE}
    )

    params: ColourParams

    def find(self, view: View) -> tuple[Evidence, ...]:
        """Each pixel's guided slope."""
        values = over_colours(guided(view), self.params.signed)
        return (view.heatmap(values, "guided slope", signed=self.params.signed),)


def guided(view: View) -> Tensor:
    """Guided slopes, (3, h, w); UnsupportedError where a rectifier cannot be guided."""
    from interp_captum.hooked import hooking

    view.score.total = 2
    with hooking(view.score) as hooked:
        _check(hooked, view)
        found: Tensor = captum().GuidedBackprop(hooked).attribute(view.pixels.clone())
    return found[0].detach()


def _check(hooked: Hooked, view: View) -> None:
    """Every rectifier is a module, and there is one."""
    from torch import nn

    from interp_captum.hooked import nodes, observe

    runs, score = observe(hooked, view.pixels)
    known = {each.node for each in runs if each.kind is nn.ReLU}
    free = [each for each in nodes(score) if "Relu" in each.name() and each not in known]
    if free or not known:
        found = f"{len(free)} that are function calls" if free else "none"
        raise UnsupportedError(
            f"guided backprop hooks rectifiers that are modules (nn.ReLU); found {found} in "
            f"{view.model.spec.name}; use saliency or smoothgrad"
        )
