"""MINT's coupled two-scale problem: a coarse and a fine lasso whose weights must agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp.engine.moments import Sums

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Problem:
    """min 1/2 sum h (w_c z_c - y)^2 + lambda_c |w_c| + mu/2 sum h (w_f z_f - y)^2 + lambda_f |w_f|
    subject to w_f T = w_c.

    F problems at once over one tree T (q, p), 0 where a piece lies in another region, in float64:
    gram_c = sum h z_c^T z_c (F, p, p),
    r_c = sum h y z_c (F, p), and the same of the fine scale (F, q, q), (F, q); yy = sum h y^2.
    """

    gram_c: Tensor
    r_c: Tensor
    gram_f: Tensor
    r_f: Tensor
    yy: Tensor
    tree: Tensor
    lambda_c: Tensor
    lambda_f: Tensor
    mu: float
    coupled: bool = True
    """Whether the constraint holds; else two lassos that know nothing of each other."""

    @classmethod
    def of(
        cls,
        pairs: list[tuple[Sums, Sums]],
        tree: Tensor,
        lambda_c: float,
        lambda_f: float,
        mu: float,
        coupled: bool = True,
    ) -> Problem:
        """One problem for each pair of sums, coarse and fine.

        The lambdas are given as shares of |r|_inf, from which on a lasso of one scale alone has no
        weights left.
        """
        import torch

        coarse, fine = ([pair[at] for pair in pairs] for at in (0, 1))
        r_c, r_f = (torch.cat([each.b for each in scale]) for scale in (coarse, fine))
        return cls(
            gram_c=torch.cat([each.gram for each in coarse]),
            r_c=r_c,
            gram_f=torch.cat([each.gram for each in fine]),
            r_f=r_f,
            yy=torch.cat([each.yy for each in fine]),
            tree=tree.to(r_f),
            lambda_c=lambda_c * r_c.abs().amax(1),
            lambda_f=lambda_f * mu * r_f.abs().amax(1),
            mu=mu,
            coupled=coupled,
        )

    def objective(self, w_c: Tensor, w_f: Tensor) -> Tensor:
        """The paper's Eq. 17 with L1 for L0, (F,)."""
        coarse = self._misfit(self.gram_c, self.r_c, w_c) + self.lambda_c * w_c.abs().sum(1)
        fine = self._misfit(self.gram_f, self.r_f, w_f) * self.mu
        return coarse + fine + self.lambda_f * w_f.abs().sum(1)

    def _misfit(self, gram: Tensor, r: Tensor, w: Tensor) -> Tensor:
        return ((w.unsqueeze(1) @ gram).squeeze(1) * w).sum(1) / 2 - (r * w).sum(1) + self.yy / 2
