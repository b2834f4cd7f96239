"""From a lesson to knowledge: rounds until W is known, notes on how well, and parts joined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.errors import InputError
from interp.knowledge import Knowledge
from interp_chip.fit import Learned, learn
from interp_chip.known import arrays_of
from interp_chip.lesson import Lesson, rounds
from interp_chip.moments import FactoredMoments
from interp_chip.params import ChipParams

if TYPE_CHECKING:
    from torch import Tensor

    from interp.model import ModelAdapter
    from interp_chip.pool import Pool

POOR = 0.5
"""R^2 below which a note says so."""


@dataclass(frozen=True, eq=False)
class Taught:
    """What one layer's lesson ended with."""

    layer: str
    moments: FactoredMoments
    learned: Learned | None
    """None for a part that is to be merged."""
    changes: tuple[float, ...] = ()
    """Relative changes of W when the masks were doubled."""
    complete: bool = True
    """False where the time budget ended it."""

    @property
    def masks(self) -> int:
        """Perturbed networks that each image met."""
        return sum(self.moments.chunks.values())

    def about(self, classes: Sequence[str]) -> dict[str, Any]:
        """The plain facts, for the file."""
        facts: dict[str, Any] = {"networks": self.moments.count, "masks": self.masks}
        facts["images"] = len(self.moments.images)
        if self.learned is None:
            return facts | {"moments": self.moments.about()}
        found = self.learned
        return facts | {
            "sparsity": round(float(found.sparsity.mean()), 4),
            "held_out": found.held_out,
            "r2": None if found.r2 is None else round(float(self._r2(found.r2).mean()), 4),
            "channels_used": round(float((found.weights != 0).double().sum(1).mean()), 1),
            "changes": [round(each, 4) for each in self.changes],
            "notes": list(self._notes(found, classes)),
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """The numbers, for the file."""
        if self.learned is not None:
            return arrays_of(self.layer, self.learned)
        held = self.moments.arrays()
        return {f"{self.layer}/{name}": value.cpu().numpy() for name, value in held.items()}

    def _r2(self, values: Tensor) -> Tensor:
        return values[[at for at, known in enumerate(self.moments.learned()) if known]]

    def _notes(self, found: Learned, classes: Sequence[str]) -> Iterator[str]:
        channels = self.moments.masks.shape[1]
        r2 = "unknown" if found.r2 is None else f"{float(self._r2(found.r2).mean()):.2f}"
        if self.masks < channels:
            yield (
                f"{self.layer}: {self.masks} networks per image for {channels} channels (R^2 {r2});"
                f" raise --budget or masks to {channels} or more"
            )
        if not self.complete:
            yield f"{self.layer}: time was over after {self.moments.count} networks (R^2 {r2})"
        if found.r2 is not None:
            pairs = zip(classes, found.r2.tolist(), strict=True)
            poor = [name for name, value in pairs if value < POOR]
            if poor:
                named = ", ".join(poor[:5]) + (", ..." if len(poor) > 5 else "")
                yield f"{self.layer}: R^2 is below {POOR} for {len(poor)} classes ({named})"


def teach(lesson: Lesson) -> Taught:
    """Round after round: all masks at once, or doubling until W has settled or time is over."""
    budget, tell = lesson.context.budget, lesson.context.within(f"fitting {lesson.layer}").progress
    stable = budget.until == "stable"
    if stable and budget.shard is not None:
        raise InputError("a part cannot tell whether the whole has settled; leave out --until")
    if budget.shard is not None and budget.shard[1] > lesson.chunks:
        raise InputError(
            f"{lesson.masks} networks per image are {lesson.chunks} chunks, too few for "
            f"{budget.shard[1]} parts; use fewer parts"
        )
    learned: Learned | None = None
    changes: list[float] = []
    complete = True
    for end in rounds(lesson.chunks, stable or budget.seconds is not None):
        if end < lesson.begun:
            continue
        if end > lesson.begun:
            complete = lesson.round(end)
        if stable:
            before, learned = learned, learn(lesson.moments, lesson.params, tell)
            changes += [_change(before.weights, learned.weights)] if before else []
        if not complete or (changes and changes[-1] <= lesson.params.settled):
            break
    if learned is None and budget.shard is None:
        learned = learn(lesson.moments, lesson.params, tell)
    return Taught(lesson.layer, lesson.moments, learned, tuple(changes), complete)


def knowledge_of(
    model: ModelAdapter,
    pool: Pool,
    params: ChipParams,
    lessons: Sequence[Taught],
    about: dict[str, Any],
) -> Knowledge:
    """All layers' findings as one file's content."""
    facts = {
        **about,
        "classes": list(pool.classes),
        "names": [model.spec.classes[index] for index in pool.classes],
        "params": params.model_dump(mode="json"),
    }
    return Knowledge.of("chip", model, *_content(lessons, facts, pool.notes))


def merge(parts: Sequence[Knowledge]) -> Knowledge:
    """The knowledge that parts of the work add up to."""
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
    lessons = []
    for layer in first.about["layers"]:
        moments = [_moments(each, layer) for each in parts]
        total = sum(moments[1:], moments[0])
        lessons.append(Taught(layer, total, learn(total, params)))
    facts = {key: value for key, value in first.about.items() if key not in ("shard", "layers")}
    arrays, about = _content(lessons, facts, first.about["notes"])
    return replace(first, arrays=arrays, about=about)


def _content(
    lessons: Sequence[Taught], facts: dict[str, Any], notes: Sequence[str]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """A file's arrays and plain facts."""
    layers = {each.layer: each.about(facts["names"]) for each in lessons}
    arrays = {key: value for each in lessons for key, value in each.arrays().items()}
    told = [note for each in layers.values() for note in each.pop("notes", [])]
    return arrays, facts | {"layers": layers, "notes": [*notes, *told]}


def _shared(part: Knowledge) -> list[Any]:
    """What all parts must have in common."""
    about = {key: part.about[key] for key in ("classes", "params", "notes")}
    return [part.method, part.fingerprint, about, list(part.about["layers"])]


def _moments(part: Knowledge, layer: str) -> FactoredMoments:
    import torch

    held = {
        key.removeprefix(f"{layer}/"): torch.from_numpy(value)
        for key, value in part.arrays.items()
        if key.startswith(f"{layer}/")
    }
    return FactoredMoments.of(held, part.about["layers"][layer]["moments"])


def _change(before: Tensor, after: Tensor) -> float:
    """||W' - W|| / ||W'||."""
    return float((after - before).norm() / after.norm().clamp_min(1e-300))
