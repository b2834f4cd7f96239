"""Fitting a layer: rounds of masks until W is known, and the knowledge that is kept of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interp.errors import InputError
from interp.evidence import fit_words
from interp.knowledge import Knowledge
from interp_chip.layer_fit import LayerFit, rounds
from interp_chip.moments import FactoredMoments
from interp_chip.params import ChipParams
from interp_chip.solve import LayerWeights, solve

POOR = 0.5
"""R^2 below which a note warns."""
SOLVED = ("weights", "standard_error", "r2")
"""What a knowledge file keeps of a layer's weights."""


@dataclass(frozen=True, eq=False)
class FittedLayer:
    """One layer's moments and the weights solved from them."""

    layer: str
    moments: FactoredMoments
    solved: LayerWeights | None
    """None for a part that is to be merged."""
    changes: tuple[float, ...] = ()
    """Relative changes of W each time the masks were doubled."""
    complete: bool = True
    """False where the time budget ended the fit."""

    @property
    def masks(self) -> int:
        """Masks (perturbed networks) per image."""
        return sum(self.moments.chunks.values())

    def about(self) -> dict[str, Any]:
        """The plain facts of the knowledge file."""
        facts: dict[str, Any] = {"networks": self.moments.count, "masks": self.masks}
        facts["images"] = len(self.moments.images)
        if self.solved is None:
            return facts | {"moments": self.moments.about()}
        found, r2 = self.solved, self._mean_r2()
        return facts | {
            "sparsity": round(float(found.sparsity.mean()), 4),
            "held_out": found.held_out,
            "r2": None if r2 is None else round(r2, 4),
            "channels_used": round(float((found.weights != 0).double().sum(1).mean()), 1),
            "changes": [round(each, 4) for each in self.changes],
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays of the knowledge file: W and its errors, or the moments of a part."""
        if self.solved is None:
            found = {name: each.cpu().numpy() for name, each in self.moments.arrays().items()}
        else:
            solved = {name: getattr(self.solved, name) for name in SOLVED}
            found = {
                name: each.cpu().numpy().astype(np.float32)
                for name, each in solved.items()
                if each is not None
            }
        return {f"{self.layer}/{name}": each for name, each in found.items()}

    def notes(self, classes: Sequence[str]) -> Iterator[str]:
        """Warnings about too few masks, a spent time budget and classes with a poor fit."""
        if self.solved is None:
            return
        found, channels = self._mean_r2(), self.moments.masks.shape[1]
        r2 = "R² unknown" if found is None else fit_words(found)
        if self.masks < channels:
            yield (
                f"{self.layer}: {self.masks} networks per image for {channels} channels ({r2});"
                f" raise --budget or masks to {channels} or more"
            )
        if not self.complete:
            count = self.moments.count
            yield f"{self.layer}: the time budget ended after {count} networks ({r2})"
        if self.solved.r2 is not None:
            pairs = zip(classes, self.solved.r2.tolist(), strict=True)
            poor = [name for name, value in pairs if value < POOR]
            if poor:
                named = ", ".join(poor[:5]) + (", ..." if len(poor) > 5 else "")
                yield f"{self.layer}: R^2 is below {POOR} for {len(poor)} classes ({named})"

    def _mean_r2(self) -> float | None:
        """Mean held-out R^2 of the classes that have images."""
        if self.solved is None or self.solved.r2 is None:
            return None
        return float(self.solved.r2[self.moments.learned()].mean())


def fit_layer(fit: LayerFit) -> FittedLayer:
    """Fit one layer: all masks at once, or doubling until W has settled or time is over."""
    budget, progress = fit.context.budget, fit.context.within(f"fitting {fit.layer}").progress
    stable, pool = budget.until != "samples", fit.context.pool
    if stable and budget.shard is not None:
        raise InputError(
            "one part (--shard) cannot show whether the whole has settled; leave out --until"
        )
    if budget.shard is not None and budget.shard[1] > fit.chunks:
        raise InputError(
            f"{fit.masks} networks per image are {fit.chunks} chunks, too few for "
            f"{budget.shard[1]} parts; use fewer parts"
        )
    solved: LayerWeights | None = None
    changes: list[float] = []
    complete = True
    for end in rounds(fit.chunks, stable or budget.seconds is not None):
        if end < fit.done:
            continue
        if end > fit.done:
            complete = fit.run_round(end)
        if stable:
            before, solved = solved, solve(fit.moments, fit.params, progress, pool)
            changes += [_change(before.weights, solved.weights)] if before else []
        if not complete or (changes and changes[-1] <= fit.params.settled):
            break
    if solved is None and budget.shard is None:
        solved = solve(fit.moments, fit.params, progress, pool)
    return FittedLayer(fit.layer, fit.moments, solved, tuple(changes), complete)


def knowledge_content(
    layers: Sequence[FittedLayer], facts: dict[str, Any], notes: Sequence[str]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and plain facts of a knowledge file; `facts` hold classes, names and params."""
    arrays = {key: value for each in layers for key, value in each.arrays().items()}
    warnings = [note for each in layers for note in each.notes(facts["names"])]
    about = {each.layer: each.about() for each in layers}
    return arrays, facts | {"layers": about, "notes": [*notes, *warnings]}


def merge(parts: Sequence[Knowledge]) -> Knowledge:
    """One knowledge from all parts of a fit. InputError for parts that do not belong together."""
    shards = [tuple(each.about.get("shard", ())) for each in parts]
    if sorted(shards) != [(at, len(parts)) for at in range(len(parts))]:
        found = ", ".join("/".join(map(str, each)) or "no part" for each in shards)
        raise InputError(f"found {found}; expected each of 0/n, 1/n, ... once (interp fit --shard)")
    first, *others = parts
    if any(_shared(each) != _shared(first) for each in others):
        raise InputError(
            "these parts were learned of different models, images or parameters; learn them again "
            "with the same ones and another --shard"
        )
    params = ChipParams.model_validate(first.about["params"])
    layers = []
    for layer in first.about["layers"]:
        moments = [_moments(each, layer) for each in parts]
        total = sum(moments[1:], moments[0])
        layers.append(FittedLayer(layer, total, solve(total, params)))
    facts = {key: value for key, value in first.about.items() if key not in ("shard", "layers")}
    arrays, about = knowledge_content(layers, facts, first.about["notes"])
    return replace(first, arrays=arrays, about=about)


def _shared(part: Knowledge) -> list[Any]:
    """What all parts must have in common."""
    about = {key: part.about[key] for key in ("classes", "params", "notes")}
    return [part.method, part.fingerprint, about, list(part.about["layers"])]


def _moments(part: Knowledge, layer: str) -> FactoredMoments:
    arrays = {
        key.removeprefix(f"{layer}/"): torch.from_numpy(value)
        for key, value in part.arrays.items()
        if key.startswith(f"{layer}/")
    }
    return FactoredMoments.of(arrays, part.about["layers"][layer]["moments"])


def _change(before: Tensor, after: Tensor) -> float:
    """||W' - W|| / ||W'||."""
    return float((after - before).norm() / after.norm().clamp_min(1e-300))
