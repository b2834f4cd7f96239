"""What is known of a model that CSG trained: gates, head, held-out features, the log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.errors import InputError
from interp.knowledge import Knowledge, learned_of

if TYPE_CHECKING:
    from interp.model import ModelAdapter

SHIPPED = Path(__file__).with_name("models")
"""Models that come with the project, one folder each."""


@dataclass(frozen=True, eq=False)
class Known:
    """The gated layer; gates (C, K), none for a plain twin; the head's weight and bias.

    `features` (N, K) and `labels` (N,) are those of held-out images when training ended.
    """

    layer: str
    gates: np.ndarray | None
    weight: np.ndarray
    bias: np.ndarray
    features: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    log: list[dict[str, Any]]

    @classmethod
    def open(cls, knowledge: Knowledge) -> Known:
        """What a knowledge folder says."""
        arrays, about = knowledge.arrays, knowledge.about
        weight = arrays["weight"]
        return cls(
            about["layer"],
            arrays.get("gates"),
            weight,
            arrays.get("bias", np.zeros(len(weight), np.float32)),
            arrays["features"],
            arrays["labels"],
            tuple(about["classes"]),
            about["log"],
        )

    def filters(self, label: int, own: float) -> np.ndarray:
        """The filters (F,) that belong to a class: their gate is `own` or more."""
        return np.flatnonzero(self._gates()[label] >= own)

    def scores(self, features: np.ndarray, off: np.ndarray | None = None) -> np.ndarray:
        """Raw scores (N, C) from features (N, K), with the filters `off` at zero."""
        kept = np.ones(self.weight.shape[1], np.float32)
        if off is not None:
            kept[off] = 0
        found: np.ndarray = (features * kept) @ self.weight.T + self.bias
        return found

    def grouped(self) -> np.ndarray:
        """Filters (K,) by the class of their largest gate, the most exclusive first."""
        gates = self._gates()
        return np.lexsort((gates.sum(0), gates.argmax(0)))

    def _gates(self) -> np.ndarray:
        if self.gates is None:
            raise InputError(
                "this model is a plain twin, trained with --gate off: its filters belong to no "
                "class; open the one that was trained with gates"
            )
        return self.gates


def known_of(model: ModelAdapter, knowledge: Knowledge | None = None) -> Known:
    """What is given, else what lies beside the model or is shipped with it; InputError for none."""
    folders = [Path(model.spec.source), *sorted(SHIPPED.glob("*"))]
    knowledge = knowledge or learned_of(model, folders)
    if knowledge is None:
        raise InputError(
            f"{model.spec.name} was not trained with class-specific gates; train it first: "
            "interp fit --plugin csg --model MODEL --data DIR --out B; then --model B"
        )
    knowledge.check("csg", model)
    return Known.open(knowledge)
