"""Solvers: the importance of each part from sums over states, for methods of a registry.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from interp.engine.component import Solver
from interp.engine.moments import Sums
from interp.engine.solve import constrained_least_squares, lasso, ridge
from interp.errors import InputError
from interp.params import Params

if TYPE_CHECKING:
    from torch import Tensor


class MeanParams(Params):
    """The mean's parameters."""

    over: Literal["samples", "shown"] = Field(
        "samples",
        description="divide by the number of samples, as in RISE, or by how often each pixel was "
        "shown",
    )
    above_mean: bool = Field(
        True,
        description="subtract the mean score, so that a pixel that changes nothing gets 0; RISE "
        "does not, and its maps are noisier",
    )


class Mean(Solver):
    """The mean score of the states, each counted where it shows the feature.

    `E[y m] / E m`: V. Petsiuk, A. Das, K. Saenko: RISE, BMVC 2018. Ours is `above_mean`: the
    covariance of y and m over E m, which is that less E y, estimated without the chance by which
    some pixels were shown more often than others: a map needs far fewer samples.
    """

    Params = MeanParams
    second_order = False

    def weights(self, sums: Sums, full: Tensor, empty: Tensor) -> Tensor:
        samples = sums.weight[:, None]
        level = sums.y[:, None] / samples
        above = sums.b - level * sums.x if self.params.above_mean else sums.b
        return above / samples if self.params.over == "samples" else _ratio(above, sums.x)


class Drop(Solver):
    """What the score loses where a part is off: full score - mean score of the states without it.

    M. D. Zeiler, R. Fergus, ECCV 2014; S. Desai, H. G. Ramaswamy: Ablation-CAM, WACV 2020.
    """

    second_order = False

    def weights(self, sums: Sums, full: Tensor, empty: Tensor) -> Tensor:
        without = sums.y[:, None] - sums.b[:, 1:]
        off = _ratio(without, sums.weight[:, None] - sums.x[:, 1:])
        return _prepend(full[:, None] - off, full)


class GainParams(Params):
    """The gain's parameters."""

    softmax: bool = Field(False, description="turn the gains into shares by a softmax over parts")


class Gain(Solver):
    """What the score gains where a part is on: mean score of the states with it - empty score.

    H. Wang et al.: Score-CAM, CVPR Workshops 2020.
    """

    Params = GainParams
    second_order = False

    def weights(self, sums: Sums, full: Tensor, empty: Tensor) -> Tensor:
        gains = _ratio(sums.b[:, 1:], sums.x[:, 1:]) - empty[:, None]
        return _prepend(gains.softmax(1) if self.params.softmax else gains, empty)


class RidgeParams(Params):
    """The ridge's parameters."""

    alpha: float = Field(1.0, ge=0, description="L2 penalty on the weights, in units of one sample")


class Ridge(Solver):
    """Weighted least squares with an intercept: `sum w (y - v0 - v s)^2 + alpha |v|^2`.

    M. T. Ribeiro, S. Singh, C. Guestrin: "Why Should I Trust You?", KDD 2016.
    """

    Params = RidgeParams

    def weights(self, sums: Sums, full: Tensor, empty: Tensor) -> Tensor:
        gram, b = centred(sums)
        return with_intercept(sums, ridge(gram, b, self.params.alpha))


class LassoParams(Params):
    """The lasso's parameters."""

    shrinkage: float = Field(
        0.05,
        ge=0,
        lt=1,
        description="L1 penalty as a share of the smallest one that sets all weights to 0",
    )


class Lasso(Solver):
    """Weighted least squares with an intercept and few weights that are not zero."""

    Params = LassoParams

    def weights(self, sums: Sums, full: Tensor, empty: Tensor) -> Tensor:
        gram, b = centred(sums)
        lam = self.params.shrinkage * b.abs().amax(1)
        return with_intercept(sums, lasso(gram, b, lam))


class Shapley(Solver):
    """Least squares with weights that add up to the full score - the empty score.

    With the Shapley kernel these are Shapley values. S. Lundberg, S.-I. Lee: A Unified Approach
    to Interpreting Model Predictions, NeurIPS 2017.
    """

    def weights(self, sums: Sums, full: Tensor, empty: Tensor) -> Tensor:
        import torch

        above = sums.shift(empty)
        gram, b = above.gram[:, 1:, 1:], above.b[:, 1:]
        ones = torch.ones(gram.shape[1], dtype=gram.dtype, device=gram.device)
        return _prepend(constrained_least_squares(gram, b, ones, full - empty), empty)


def centred(sums: Sums) -> tuple[Tensor, Tensor]:
    """Gram (R, Q, Q) and b (T, Q) of the features less their means: the intercept taken out."""
    x, weight = sums.x[:, 1:], sums.weight[:, None]
    gram = sums.gram[:, 1:, 1:] - x.unsqueeze(2) * x.unsqueeze(1) / weight.unsqueeze(2)
    return gram, sums.b[:, 1:] - sums.y[:, None] * x / weight


def with_intercept(sums: Sums, weights: Tensor) -> Tensor:
    """Weights (T, Q) of the features with the intercept in front, (T, 1 + Q)."""
    explained = (weights * sums.x[:, 1:]).sum(1)
    return _prepend(weights, (sums.y - explained) / sums.weight)


def _prepend(weights: Tensor, first: Tensor) -> Tensor:
    import torch

    return torch.cat([first.to(weights)[:, None], weights], 1)


def _ratio(total: Tensor, weight: Tensor) -> Tensor:
    """A mean for each part; InputError where no state has it."""
    if bool((weight <= 0).any()):
        raise InputError("a part was never tried; take more samples or fewer parts")
    return total / weight
