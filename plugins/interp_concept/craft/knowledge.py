"""CRAFT's knowledge of a model: a bank of concepts for each class, of one layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from interp.errors import InputError
from interp.knowledge import Knowledge, find_knowledge
from interp.model import ModelAdapter
from interp.target import Target, parse_target
from interp_concept.craft.class_fit import ClassConcepts

SHIPPED = Path(__file__).with_name("knowledge")
"""Knowledge of the networks that come with the project, one folder each."""


@dataclass(frozen=True, eq=False)
class CraftKnowledge:
    """The layer, and each learned class's concepts by the model's class index."""

    layer: str
    classes: dict[int, ClassConcepts]
    names: dict[int, str]

    @classmethod
    def find(cls, model: ModelAdapter, knowledge: Knowledge | None) -> CraftKnowledge:
        """The concepts in `knowledge`, or else shipped; InputError where there is neither."""
        found = find_knowledge("craft", model, sorted(SHIPPED.glob("*")), knowledge)
        if found is None:
            raise InputError(
                f"no concepts of {model.spec.name} were learned; learn some first: interp fit "
                "--plugin craft --model MODEL --data DIR --out K; then --knowledge K"
            )
        return cls.read(found)

    @classmethod
    def read(cls, knowledge: Knowledge) -> CraftKnowledge:
        """The content of a knowledge folder; InputError for a part that has to be merged first."""
        about = knowledge.about
        if "shard" in about:
            part, count = about["shard"]
            raise InputError(
                f"this is part {part} of {count} of what was learned; join the parts first: "
                "interp merge PART PART --out DIR"
            )
        with knowledge.as_saved():
            found = {}
            for label, facts in about["classes"].items():
                start = f"{label}/"
                own = {
                    key.removeprefix(start): each
                    for key, each in knowledge.arrays.items()
                    if key.startswith(start)
                }
                found[int(label)] = ClassConcepts.of(own, facts)
            names = {int(label): facts["name"] for label, facts in about["classes"].items()}
            return cls(about["layer"], found, names)

    def of(self, target: Target) -> ClassConcepts:
        """The concepts of a target's class. InputError where it was not learned."""
        if target.index not in self.classes:
            known = ", ".join(list(self.names.values())[:10])
            raise InputError(
                f"no concepts of {target.name} were learned, only of {known}; learn them from "
                "images of it: interp fit --plugin craft"
            )
        return self.classes[target.index]

    def chosen(self, model: ModelAdapter, classes: Sequence[str]) -> dict[int, ClassConcepts]:
        """The named classes' concepts, by default all. InputError for one that was not learned."""
        targets = [parse_target(name, model.spec.classes) for name in classes]
        wanted = {each.index: self.of(each) for each in targets}
        return wanted or self.classes


def content(
    layer: str, classes: dict[int, ClassConcepts], names: Sequence[str], facts: dict[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and plain facts of a knowledge folder; `names` are the model's classes."""
    arrays = {
        f"{label}/{name}": each
        for label, found in classes.items()
        for name, each in found.arrays.items()
    }
    about = {str(label): {"name": names[label], **each.about} for label, each in classes.items()}
    return arrays, {
        **facts,
        "layer": layer,
        "classes": about,
        "layers": {layer: _summary(classes)},
    }


def _summary(classes: dict[int, ClassConcepts]) -> dict[str, Any]:
    """What the command line prints of a fit."""
    listed = [each.about for each in classes.values()]
    means = {key: round(float(np.mean([each[key] for each in listed])), 4) for key in MEASURED}
    return {
        "classes": len(classes),
        "concepts": max(each["concepts"] for each in listed),
        "images": sum(each["images"] for each in listed),
        "pieces": sum(each["pieces"] for each in listed),
        **means,
    }


MEASURED = ("error", "r2", "same_answer")
"""Relative squared error on the pieces, centred R^2 and kept answers on whole images."""


def merge(parts: Sequence[Knowledge]) -> Knowledge:
    """One knowledge from all parts of a fit. InputError for parts that do not belong together."""
    shards = [tuple(each.about.get("shard", ())) for each in parts]
    if sorted(shards) != [(at, len(parts)) for at in range(len(parts))]:
        found = ", ".join("/".join(map(str, each)) or "no part" for each in shards)
        raise InputError(f"found {found}; expected each of 0/n, 1/n, ... once (interp fit --shard)")
    first, *others = (parts[shards.index((at, len(parts)))] for at in range(len(parts)))
    if any(_shared(each) != _shared(first) for each in others):
        raise InputError(
            "these parts were learned of different models, images or parameters; learn them again "
            "with the same ones and another --shard"
        )
    whole = [CraftKnowledge.read(replace(each, about=_without_shard(each))) for each in parts]
    classes = {label: found for each in whole for label, found in each.classes.items()}
    names = {label: name for each in whole for label, name in each.names.items()}
    listed = [names.get(at, "") for at in range(max(names) + 1)]
    notes = list(dict.fromkeys(note for each in parts for note in each.about["notes"]))
    facts = {key: first.about[key] for key in ("data", "params")} | {"notes": notes}
    arrays, about = content(first.about["layer"], dict(sorted(classes.items())), listed, facts)
    return replace(first, arrays=arrays, about=about)


def _shared(part: Knowledge) -> list[Any]:
    """What all parts must have in common."""
    about = [part.about[key] for key in ("data", "params", "layer", "seed")]
    return [part.method, part.fingerprint, *about]


def _without_shard(part: Knowledge) -> dict[str, Any]:
    return {key: value for key, value in part.about.items() if key != "shard"}
