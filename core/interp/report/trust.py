"""How far a method's answer can be trusted on a model: the badges of tiles, cards and reports."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from interp.comparison.badge import Badge, answer_badges, method_badges
from interp.errors import InterpError
from interp.evaluation.summary import Evaluations, EvaluationSummary, Verdict
from interp.explanation import Explanation
from interp.registry import Registry
from interp.registry.manifest import EvaluationEntry, MethodEntry


def verdict(registered: Registry, fingerprint: str, method: str) -> Verdict | None:
    """What the registered evaluations of a model say of a method; None where none measured it."""
    every = _summaries(registered)
    own = {name: each for name, each in every.items() if each.model.fingerprint == fingerprint}
    return Evaluations(own, same_model=True).verdict(method)


def badges(registered: Registry, fingerprint: str, method: str) -> tuple[Badge, ...]:
    """What is known of a method on a model; nothing of one whose package fails."""
    try:
        entry = registered.complete(registered.entry("method", method))
    except InterpError:
        return ()
    if not isinstance(entry, MethodEntry):
        return ()
    return method_badges(entry, verdict(registered, fingerprint, method))


def panel_badges(
    registered: Registry,
    fingerprint: str,
    method: str,
    found: Explanation | None,
    target: str,
    image: int = 0,
) -> tuple[Badge, ...]:
    """What is known of a method's answer for a target; `found` is None where it gave none."""
    answer = () if found is None else answer_badges(found, target, image)
    return answer + badges(registered, fingerprint, method)


@lru_cache(maxsize=4)
def _summaries(registered: Registry) -> dict[str, EvaluationSummary]:
    """The registered evaluations that can be read."""
    entries = [e for e in registered.entries("evaluation") if isinstance(e, EvaluationEntry)]
    found = {}
    for each in entries:
        try:
            path = Path(registered.get(each.kind, each.name))
            found[each.name] = EvaluationSummary.read(path)
        except InterpError:
            continue
    return found
