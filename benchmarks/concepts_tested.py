"""What TCAV's tests say of creatures, where it is known which parts decide the class."""

from __future__ import annotations

from typing import Any

import numpy as np

from interp.context import Context
from interp.dataset import Dataset
from interp.model import ModelAdapter
from interp_concept.grouping import group
from interp_concept.tcav.knowledge import TcavKnowledge
from interp_concept.tcav.sensitivity import sensitivities
from interp_concept.tcav.survey import class_slopes
from interp_creatures.species import CLASSES, DEFINING


def tested(
    model: ModelAdapter, parts: TcavKnowledge, own: TcavKnowledge, images: Dataset
) -> dict[str, Any]:
    """Shares of classes that are significantly sensitive to parts, and signs of shapes."""
    grouped = group(model, images, "label", 30, (), Context())
    slopes = {
        label: class_slopes(model, parts, grouped, label, Context()) for label in grouped.members
    }
    found = {label: sensitivities(parts, each) for label, each in slopes.items()}
    significant = {
        name: round(float(np.mean([row[at].significant for row in found.values()])), 3)
        for at, name in enumerate(parts.concepts)
    }
    return {
        "accuracy": {
            name: round(float(cav.halves.accuracy.mean()), 3)
            for name, cav in zip(parts.concepts, parts.cavs, strict=True)
        },
        "classes_significant": significant,
        "shapes": _shapes(own, slopes),
    }


def _shapes(own: TcavKnowledge, slopes: dict[int, np.ndarray]) -> dict[str, Any]:
    """Of each class's head and tail: does it raise the classes of that shape, and no others?"""
    names, raised, significant = list(CLASSES), {True: [], False: []}, {True: [], False: []}
    for label, each in slopes.items():
        for concept, found in zip(own.concepts, sensitivities(own, each), strict=True):
            kind, part = concept.split()
            if part not in DEFINING:
                continue
            at = DEFINING.index(part)
            same = CLASSES[kind][at] == CLASSES[names[label]][at]
            raised[same].append(found.derivative > 0)
            significant[same].append(found.p < 0.05 and found.derivative > 0)
    return {
        name: {
            "pairs": len(raised[same]),
            "raised": round(float(np.mean(raised[same])), 3),
            "raised_with_p_below_05": round(float(np.mean(significant[same])), 3),
        }
        for name, same in (("the class's own shape", True), ("another shape", False))
    }
