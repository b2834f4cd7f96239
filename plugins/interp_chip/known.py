"""CHIP's knowledge of a model: W per layer and the classes that are its rows, as kept in a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.errors import InputError, nearest
from interp.knowledge import Knowledge, learned_of

if TYPE_CHECKING:
    from interp.model import ModelAdapter
    from interp.target import Target
    from interp_chip.fit import Learned

SHIPPED = Path(__file__).with_name("knowledge")
"""Knowledge of the networks that come with the project, one folder each."""


@dataclass(frozen=True, eq=False)
class LayerKnowledge:
    """What one layer's channels say: W (T, K), its standard errors, R^2 (T,), if known."""

    weights: np.ndarray
    standard_error: np.ndarray | None
    r2: np.ndarray | None
    about: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Known:
    """Layers that were learned, in the model's order, for some of its classes."""

    layers: dict[str, LayerKnowledge]
    classes: tuple[int, ...]
    names: tuple[str, ...]

    @classmethod
    def open(cls, knowledge: Knowledge) -> Known:
        """What a knowledge file says; InputError for the part of one that merge is for."""
        if "shard" in knowledge.about:
            part, count = knowledge.about["shard"]
            raise InputError(
                f"this is part {part} of {count} of what was learned; join the parts first: "
                "interp merge PART PART --out DIR"
            )
        layers = {
            name: LayerKnowledge(
                knowledge.arrays[f"{name}/weights"],
                knowledge.arrays.get(f"{name}/standard_error"),
                knowledge.arrays.get(f"{name}/r2"),
                about,
            )
            for name, about in knowledge.about["layers"].items()
        }
        return cls(layers, tuple(knowledge.about["classes"]), tuple(knowledge.about["names"]))

    def chosen(self, layers: Sequence[str]) -> dict[str, LayerKnowledge]:
        """The layers asked for, or all; InputError for one that was not learned."""
        for name in layers:
            if name not in self.layers:
                raise InputError(
                    f"layer {name!r} was not learned; {nearest(name, self.layers)}; learn it: "
                    f"interp fit --plugin chip --layer {name}"
                )
        return {name: self.layers[name] for name in layers or self.layers}

    def row(self, layer: str, target: Target) -> tuple[np.ndarray, np.ndarray | None, float | None]:
        """w (K,) of a target with its standard error and R^2: the lower one of a difference."""
        held = self.layers[layer]
        rows = [self._at(target.index)]
        if target.against is not None:
            rows.append(self._at(target.against))
        weights = held.weights[rows[0]] - (held.weights[rows[1]] if len(rows) > 1 else 0)
        error = held.standard_error
        spread = None if error is None else np.sqrt(np.square(error[rows]).sum(0))
        return weights, spread, None if held.r2 is None else float(held.r2[rows].min())

    def _at(self, index: int) -> int:
        if index not in self.classes:
            names = ", ".join(self.names[:10])
            raise InputError(
                f"class {index} was not learned; expected one of {names}"
                f"{', ...' if len(self.names) > 10 else ''}; learn it from images of it: interp fit"
            )
        return self.classes.index(index)


def arrays_of(layer: str, learned: Learned) -> dict[str, np.ndarray]:
    """A layer's part of a knowledge file."""
    values = {
        "weights": learned.weights,
        "standard_error": learned.standard_error,
        "r2": learned.r2,
    }
    return {
        f"{layer}/{name}": value.cpu().numpy().astype(np.float32)
        for name, value in values.items()
        if value is not None
    }


def shipped(model: ModelAdapter) -> Knowledge | None:
    """The knowledge that comes with the project, if this is one of its networks or an export."""
    knowledge = learned_of(model, sorted(SHIPPED.glob("*")))
    if knowledge is not None:
        knowledge.check("chip", model)
    return knowledge
