"""The weightings of the CAM family, each a method of its own; A_k are a layer's maps, k a channel.

y is the target's score, g_kij = d y / d A_kij its slope by the value of channel k in cell (i, j).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from interp.context import Context
from interp.engine.slopes import Slopes
from interp.spec import Capability, Layer
from interp_cam.method import Aims, Cam
from interp_cam.params import CamParams
from interp_cam.slope_cam import SlopeCam
from interp_cam.views import Views

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class GradCam(SlopeCam):
    """`sum_k w_k A_k` with `w_k` = mean over cells of `g_kij`: what more of channel k everywhere
    adds.

    R. R. Selvaraju et al.: Grad-CAM, ICCV 2017, which keeps the positive part only (`positive`).
    """

    def weigh(self, maps: Tensor, slopes: Slopes) -> Tensor:
        cells = maps.shape[2] * maps.shape[3]
        return _summed(maps, slopes.by_channel(maps.new_full((1, *maps.shape[1:]), 1 / cells)))


@dataclass(frozen=True)
class GradCamPlusPlus(SlopeCam):
    """`sum_k w_k A_k` with `w_k = sum_ij a_kij max(g_kij, 0)`: positive slopes alone.

    `a_kij = g_kij^2 / (2 g_kij^2 + S_k g_kij^3) = 1 / (2 + S_k g_kij)`, `S_k = sum_ij A_kij`,
    where `g_kij` is not 0: cells count alike however many of them the channel is on in. That is
    the closed form for `exp(y)` where y is piecewise linear. A. Chattopadhay et al.: Grad-CAM++,
    WACV 2018. Its factor `exp(y)`, which only scales the map, is left out.
    """

    def weigh(self, maps: Tensor, slopes: Slopes) -> Tensor:
        rising = slopes.all().clamp(min=0)
        share = 2 + maps.sum((2, 3), keepdim=True) * rising  # 1 / a, 2 where nothing rises
        weights = (rising / share).nan_to_num(posinf=0.0, neginf=0.0).sum((2, 3))
        return _summed(maps, weights)


@dataclass(frozen=True)
class XGradCam(SlopeCam):
    """`sum_k w_k A_k` with `w_k = sum_ij g_kij A_kij / sum_ij A_kij`: slopes where the channel is
    on.

    The map's sum is then `sum_kij g_kij A_kij`, which is y itself up to the biases of a piecewise
    linear network. R. Fu et al.: Axiom-based Grad-CAM, BMVC 2020. A channel whose sum is 0 gets no
    weight.
    """

    def weigh(self, maps: Tensor, slopes: Slopes) -> Tensor:
        total = maps.sum((2, 3), keepdim=True)
        shares = (maps / total).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
        return _summed(maps, slopes.by_channel(shares))


@dataclass(frozen=True)
class HiResCam(SlopeCam):
    """`sum_k g_kij A_kij`: each cell's slopes times its own values, without a mean over cells.

    Where one linear layer follows, it is what each cell contributes to y, exactly. R. L. Draelos,
    L. Carin: Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
    networks, 2020.
    """

    def weigh(self, maps: Tensor, slopes: Slopes) -> Tensor:
        return slopes.by_cell(maps)


@dataclass(frozen=True)
class LayerCam(SlopeCam):
    """`sum_k max(g_kij, 0) A_kij`: each cell's positive slopes times its own values.

    P.-T. Jiang et al.: LayerCAM, IEEE Transactions on Image Processing 2021, made for shallow
    layers, too; it keeps the positive part only (`positive`), and joins layers by their maximum
    (`fusion`), shallow ones through tanh, which we leave out.
    """

    def weigh(self, maps: Tensor, slopes: Slopes) -> Tensor:
        return (slopes.all().clamp(min=0) * maps).sum(1)


class EigenCamParams(CamParams):
    """Eigen-CAM's parameters."""

    centred: bool = Field(
        False, description="subtract each channel's mean over the cells before the decomposition"
    )


@dataclass(frozen=True)
class EigenCam(Cam):
    """`sum_k v_k A_k` with v the first right singular vector of the cells' values (cells, C).

    It asks for no class: the map is the same for all targets, and shows what the layer responds to
    most. M. B. Muhammad, M. Yeasin: Eigen-CAM, IJCNN 2020, which does not centre the values
    (`centred`). Ours is the sign: the map rises with the sum of the channels.
    """

    Params = EigenCamParams
    needs = frozenset({Capability.PREDICT, Capability.ACTIVATIONS})

    params: EigenCamParams

    def cells(self, views: Views, layer: Layer, aims: Aims, context: Context) -> Tensor:
        import torch

        maps = views.model.activations(views.pixels, [layer.name])[layer.name].float()
        found = torch.stack([self._component(each) for each in maps])  # (B, h, w)
        return found[:, None].expand(-1, len(aims[0]), -1, -1)

    def _component(self, maps: Tensor) -> Tensor:
        """The first principal component of maps (C, h, w), (h, w)."""
        import torch

        values = maps.flatten(1).double()  # (C, cells)
        values = values - values.mean(1, keepdim=True) if self.params.centred else values
        wide = len(values) > values.shape[1]
        products = values.T @ values if wide else values @ values.T  # whichever is smaller
        vector = torch.linalg.eigh(products)[1][:, -1]
        vector = torch.nn.functional.normalize(values @ vector, dim=0) if wide else vector  # (C,)
        found = vector @ values
        found = found * (1 if found @ maps.flatten(1).sum(0).double() >= 0 else -1)
        return found.reshape(maps.shape[1:]).float()


Weighting = Literal["gradcam", "gradcam-plusplus", "xgradcam", "hirescam", "layercam"]
"""The weightings by slopes, by their names in registry.yaml."""
WEIGHTINGS: dict[Weighting, type[SlopeCam]] = {
    "gradcam": GradCam,
    "gradcam-plusplus": GradCamPlusPlus,
    "xgradcam": XGradCam,
    "hirescam": HiResCam,
    "layercam": LayerCam,
}


def _summed(maps: Tensor, weights: Tensor) -> Tensor:
    """sum_k w_k A_k for maps (1 or R, C, h, w) and weights (R, C), (R, h, w)."""
    return (weights[:, None] @ maps.flatten(2)).reshape(-1, *maps.shape[2:])
