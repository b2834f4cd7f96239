"""Moments: the additive weighted sums of states and scores that linear solvers need."""

from __future__ import annotations

import functools
import json
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from interp.errors import InputError
from interp.lazy_type import Tensor
from interp.storage.folder import whole_file

STILL = 1e-6
"""Scores that vary by less than this share of their size, or of 1, do not change."""
STILL_NOTE = "the model's answer does not change: nothing is shown"
BUCKETS = 10


@dataclass(frozen=True, eq=False)
class Sums:
    """Weighted sums over samples of features x (Q,) and scores y (T,).

    R, the leading axis of `weight`, `x` and `gram`, is 1 where all targets weigh samples alike,
    else T. All are float64, since the residual sum of squares is a small difference of large sums.
    """

    count: int
    weight: Tensor  # sum w, (R,)
    x: Tensor  # sum w x, (R, Q)
    gram: Tensor  # sum w x x^T, (R, Q, Q); empty, (R, 0, 0), in first-order sums
    y: Tensor  # sum w y, (T,)
    b: Tensor  # sum w y x, (T, Q)
    yy: Tensor  # sum w y^2, (T,)

    @classmethod
    def of(
        cls, features: Tensor, scores: Tensor, weights: Tensor, second_order: bool = True
    ) -> Sums:
        """Sums of features (B, Q) and scores (B, T) with weights (B,) or (B, T)."""
        x, y = features.double(), scores.double()
        w = weights.double().reshape(len(x), -1)  # (B, R)
        scaled = w * y  # (B, T)
        if second_order:
            gram = x.T @ (x.unsqueeze(0) * w.T.unsqueeze(2))  # (R, Q, Q)
        else:
            gram = x.new_zeros(w.shape[1], 0, 0)
        return cls(
            count=len(x),
            weight=w.sum(0),
            x=w.T @ x,
            gram=gram,
            y=scaled.sum(0),
            b=scaled.T @ x,
            yy=(scaled * y).sum(0),
        )

    def __add__(self, other: Sums) -> Sums:
        names = [each.name for each in fields(self)]
        return Sums(*(getattr(self, name) + getattr(other, name) for name in names))

    def map(self, matrix: Tensor) -> Sums:
        """The same sums for features x A, A (Q, Q2)."""
        a = matrix.to(self.gram)
        return replace(self, x=self.x @ a, gram=a.T @ self.gram @ a, b=self.b @ a)

    def shift(self, level: Tensor) -> Sums:
        """The same sums for scores y - level, level (T,)."""
        y0 = level.to(self.y)
        return replace(
            self,
            y=self.y - y0 * self.weight,
            b=self.b - y0[:, None] * self.x,
            yy=self.yy - 2 * y0 * self.y + y0.square() * self.weight,
        )

    def residual(self, weights: Tensor) -> Tensor:
        """sum w (y - v x)^2 for weights v (T, Q), (T,)."""
        fitted = ((weights.unsqueeze(1) @ self.gram).squeeze(1) * weights).sum(1)
        return self.yy - 2 * (weights * self.b).sum(1) + fitted

    def r2(self, weights: Tensor) -> Tensor:
        """Centred weighted R^2 of weights v (T, Q), (T,); 0 where the scores do not vary."""
        return _r2(self.residual(weights), self.variation(), self.yy)

    def variation(self) -> Tensor:
        """sum w (y - mean y)^2, (T,)."""
        return self.yy - self.y.square() / self.weight


@dataclass
class Moments:
    """Sums over raw states with a leading 1, in 10 buckets by chunk index modulo 10.

    `key` identifies the experiment; `chunks` holds the number of samples of each chunk. `full` and
    `empty` (T,) are the scores with all parts on and with all parts off.
    """

    key: str
    chunks: dict[int, int] = field(default_factory=dict)
    sums: dict[int, Sums] = field(default_factory=dict)
    full: Tensor | None = None
    empty: Tensor | None = None

    def add(
        self,
        chunk: int,
        states: Tensor,
        scores: Tensor,
        weights: Tensor,
        second_order: bool = True,
    ) -> None:
        """Add a chunk of states (B, P), scores (B, T) and weights (B,) or (B, T)."""
        import torch

        self._refuse({chunk})
        if chunk == 0:
            self.full, self.empty = scores[0].double(), scores[1].double()
        ones = torch.ones(len(states), 1, dtype=torch.float64, device=states.device)
        features = torch.cat([ones, states.double()], 1)
        found = Sums.of(features, scores, weights, second_order)
        self._put(chunk % BUCKETS, found)
        self.chunks[chunk] = len(states)

    def __add__(self, other: Moments) -> Moments:
        """Both together. Raises InputError for other experiments and for chunks in both."""
        if self.key != other.key:
            raise InputError(f"moments of {self.key} and of {other.key} are different experiments")
        self._refuse(set(other.chunks))
        anchors = other if self.full is None else self
        joined = Moments(self.key, {}, dict(self.sums), anchors.full, anchors.empty)
        for bucket, found in other.sums.items():
            joined._put(bucket, found)
        joined.chunks = self.chunks | other.chunks
        return joined

    def _put(self, bucket: int, found: Sums) -> None:
        held = self.sums.get(bucket)
        self.sums[bucket] = found if held is None else held + found

    def _refuse(self, chunks: set[int]) -> None:
        if again := sorted(chunks & set(self.chunks)):
            raise InputError(f"chunks {again} are already in these moments; add each one once")

    @property
    def count(self) -> int:
        """The number of samples."""
        return sum(self.chunks.values())

    @property
    def buckets(self) -> list[Sums]:
        """The filled buckets, in order."""
        return [self.sums[index] for index in sorted(self.sums)]

    def anchors(self) -> tuple[Tensor, Tensor]:
        """The scores of the full and of the empty state, each (T,)."""
        if self.full is None or self.empty is None:
            raise InputError("these moments lack chunk 0, which holds the full and empty states")
        return self.full, self.empty

    def still(self) -> list[bool]:
        """Whether each score is the same in all states, to a millionth of its size or of 1."""
        total, (full, empty) = self.total, self.anchors()
        mean = total.y / total.weight
        spread = (total.variation() / total.weight).clamp(min=0).sqrt()
        apart = spread.maximum((full - empty).abs().to(spread))
        found: list[bool] = (apart <= STILL * mean.abs().clamp(min=1)).tolist()
        return found

    @property
    def total(self) -> Sums:
        """All samples together."""
        return add(self.buckets)

    def without(self, index: int) -> Sums:
        """All samples but those of the filled bucket at `index`."""
        return add([each for at, each in enumerate(self.buckets) if at != index])

    def map(self, matrix: Tensor) -> Moments:
        """The same moments for features [1 s] A, A (P + 1, Q2)."""
        return replace(self, sums={at: each.map(matrix) for at, each in self.sums.items()})

    def shift(self, level: Tensor) -> Moments:
        """The same moments for scores less level (T,)."""
        return replace(
            self,
            sums={at: each.shift(level) for at, each in self.sums.items()},
            full=None if self.full is None else self.full - level.to(self.full),
            empty=None if self.empty is None else self.empty - level.to(self.empty),
        )

    def jackknife(self, solve: Callable[[Sums], Tensor]) -> Tensor:
        """Standard error of solve(sums), by the jackknife over buckets."""
        import torch

        count = len(self.sums)
        if count < 2:
            raise InputError(f"{count} bucket gives no standard error; take 200 samples or more")
        left = torch.stack([solve(self.without(index)) for index in range(count)])
        return ((count - 1) / count * (left - left.mean(0)).square().sum(0)).sqrt()

    def cross_validate(self, solve: Callable[[Sums], Tensor]) -> Tensor:
        """Centred R^2 (T,) of weights (T, Q) on buckets they were not fitted to, pooled."""
        import torch

        held = self.buckets
        if len(held) < 2:
            raise InputError("1 bucket cannot be cross-validated; take 200 samples or more")
        rest = [each.residual(solve(self.without(at))) for at, each in enumerate(held)]
        spread = [each.variation() for each in held]
        return _r2(torch.stack(rest).sum(0), torch.stack(spread).sum(0), self.total.yy)

    def save(self, path: Path) -> None:
        """Write one safetensors file, whole or not at all."""
        from safetensors.torch import save_file

        tensors = {
            f"{bucket}.{each.name}": getattr(sums, each.name).cpu().contiguous()
            for bucket, sums in self.sums.items()
            for each in fields(sums)
            if each.name != "count"
        }
        if self.full is not None and self.empty is not None:
            tensors |= {"full": self.full.cpu(), "empty": self.empty.cpu()}
        counts = {bucket: sums.count for bucket, sums in self.sums.items()}
        about = {"key": self.key, "chunks": self.chunks, "counts": counts}
        with whole_file(path) as draft:
            save_file(tensors, draft, metadata={"moments": json.dumps(about)})

    @classmethod
    def open(cls, path: Path, device: object = "cpu") -> Moments:
        """The moments that save wrote. Raises InputError for another file."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "pt", device=str(device)) as file:
                about = json.loads((file.metadata() or {})["moments"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, KeyError, ValueError, OSError) as error:
            raise InputError(f"{path}: not a file of moments ({error})") from error
        names = [each.name for each in fields(Sums) if each.name != "count"]
        sums = {
            int(bucket): Sums(count, **{name: tensors[f"{bucket}.{name}"] for name in names})
            for bucket, count in about["counts"].items()
        }
        chunks = {int(chunk): count for chunk, count in about["chunks"].items()}
        return cls(about["key"], chunks, sums, tensors.get("full"), tensors.get("empty"))


def add(sums: Sequence[Sums]) -> Sums:
    """The sum of one or more Sums."""
    if not sums:
        raise InputError("no samples were taken; raise the budget")
    return functools.reduce(operator.add, sums)


def _r2(residual: Tensor, variation: Tensor, scale: Tensor) -> Tensor:
    """1 - residual / variation; 0 where the scores do not vary, relative to sum w y^2."""
    flat = variation <= 1e-12 * scale
    return (1 - residual / variation.clamp_min(1e-300)).masked_fill(flat, 0.0)
