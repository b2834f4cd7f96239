"""What CSG learned of a model: gates, head, held-out features, the training log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from interp.errors import InputError
from interp.knowledge import Knowledge, find_knowledge
from interp.model import ModelAdapter

SHIPPED = Path(__file__).with_name("models")
"""Models that come with the project, one folder each."""


@dataclass(frozen=True, eq=False)
class CsgKnowledge:
    """The gated layer, its gates (C, K), and the head's weight (C, K) and bias (C,).

    A plain twin, trained without gates, has none. `features` (N, K) and `labels` (N,) are those of
    held-out images when training ended.
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
    def of(cls, model: ModelAdapter, knowledge: Knowledge | None = None) -> CsgKnowledge:
        """Knowledge given, else beside the model or shipped with it; InputError for none."""
        folders = [Path(model.spec.source), *sorted(SHIPPED.glob("*"))]
        found = find_knowledge("csg", model, folders, knowledge)
        if found is None:
            raise InputError(
                f"{model.spec.name} was not trained with class-specific gates; train it first: "
                "interp fit --plugin csg --model MODEL --data DIR --out B; then --model B"
            )
        return cls.read(found)

    @classmethod
    def read(cls, knowledge: Knowledge) -> CsgKnowledge:
        """The contents of a knowledge folder."""
        arrays, about = knowledge.arrays, knowledge.about
        with knowledge.as_saved():
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

    def required_gates(self) -> np.ndarray:
        """The gates (C, K); InputError for a plain twin."""
        if self.gates is None:
            raise InputError(
                "this model is a plain twin, trained with --gate off: its filters belong to no "
                "class; open the one that was trained with gates"
            )
        return self.gates

    def filters(self, label: int, own: float) -> np.ndarray:
        """The filters (F,) that belong to a class: their gate is `own` or more."""
        return np.flatnonzero(self.required_gates()[label] >= own)

    def scores(self, features: np.ndarray, off: np.ndarray | None = None) -> np.ndarray:
        """Raw scores (N, C) from features (N, K), with the filters `off` at zero."""
        on = np.ones(self.weight.shape[1], np.float32)
        if off is not None:
            on[off] = 0
        return np.asarray((features * on) @ self.weight.T + self.bias)

    def grouped(self) -> np.ndarray:
        """Filters (K,) by the class of their largest gate, the most exclusive first."""
        gates = self.required_gates()
        return np.lexsort((gates.sum(0), gates.argmax(0)))
