"""CHIP's knowledge of a model: W of each layer, and the classes that are its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from interp.errors import InputError, nearest
from interp.knowledge import Knowledge
from interp.target import Target

SHIPPED = Path(__file__).with_name("knowledge")
"""Knowledge of the networks that come with the project, one folder each."""


@dataclass(frozen=True, eq=False)
class LayerKnowledge:
    """One layer's W (T, K), its standard errors (T, K) and its R^2 (T,), where known."""

    weights: np.ndarray
    standard_error: np.ndarray | None
    r2: np.ndarray | None
    about: dict[str, Any]


@dataclass(frozen=True, eq=False)
class ChipKnowledge:
    """The learned layers by name, and the classes (model indices and names) of W's rows."""

    layers: dict[str, LayerKnowledge]
    classes: tuple[int, ...]
    names: tuple[str, ...]

    @classmethod
    def read(cls, knowledge: Knowledge) -> ChipKnowledge:
        """The content of a knowledge folder; InputError for a part that has to be merged first."""
        arrays, about = knowledge.arrays, knowledge.about
        if "shard" in about:
            part, count = about["shard"]
            raise InputError(
                f"this is part {part} of {count} of what was learned; join the parts first: "
                "interp merge PART PART --out DIR"
            )
        with knowledge.as_saved():
            layers = {
                name: LayerKnowledge(
                    arrays[f"{name}/weights"],
                    arrays.get(f"{name}/standard_error"),
                    arrays.get(f"{name}/r2"),
                    facts,
                )
                for name, facts in about["layers"].items()
            }
            return cls(layers, tuple(about["classes"]), tuple(about["names"]))

    def chosen(self, layers: Sequence[str]) -> dict[str, LayerKnowledge]:
        """The named layers, by default all; InputError for one that was not learned."""
        for name in layers:
            if name not in self.layers:
                raise InputError(
                    f"layer {name!r} was not learned; {nearest(name, self.layers)}; learn it: "
                    f"interp fit --plugin chip --layer {name}"
                )
        return {name: self.layers[name] for name in layers or self.layers}

    def row(self, layer: str, target: Target) -> tuple[np.ndarray, np.ndarray | None, float | None]:
        """w (K,) of a target at a layer, its standard error (K,) and R^2.

        For a difference of classes the difference of their rows and the lower R^2.
        """
        held = self.layers[layer]
        rows = [self._row(each) for each in (target.index, target.against) if each is not None]
        weights = held.weights[rows[0]] - (held.weights[rows[1]] if len(rows) > 1 else 0)
        error = held.standard_error
        spread = None if error is None else np.sqrt(np.square(error[rows]).sum(0))
        return weights, spread, None if held.r2 is None else float(held.r2[rows].min())

    def _row(self, index: int) -> int:
        if index not in self.classes:
            names = ", ".join(self.names[:10]) + (", ..." if len(self.names) > 10 else "")
            raise InputError(
                f"class {index} was not learned; expected one of {names}; "
                "learn it from images of it: interp fit"
            )
        return self.classes.index(index)
