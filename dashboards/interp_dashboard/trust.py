"""How far methods can be trusted on a model: badges, and the methods that are ticked for it."""

from __future__ import annotations

from pathlib import Path

from interp.comparison.badge import Badge, answer_badges, line, method_badges
from interp.comparison.result import Comparison, MethodCell
from interp.errors import InterpError
from interp.registry import Registry
from interp.registry.manifest import EvaluationEntry, MethodEntry
from interp.request import BASELINES, Choice
from interp.suggestion.verdict import Evaluations, EvaluationSummary, Verdict
from interp_dashboard.cache import LruCache
from interp_dashboard.link import DEFAULT_METHODS

SUMMARIES = LruCache(4)
"""The registered evaluations, by registry."""


def verdict(registered: Registry, fingerprint: str, method: str) -> Verdict | None:
    """What the registered evaluations of a model say of a method; None where none measured it."""
    every = SUMMARIES.get(registered, lambda: _summaries(registered))
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


def cell_badges(
    registered: Registry, found: Comparison, cell: MethodCell, target: str
) -> tuple[Badge, ...]:
    """What is known of a method's answer in a comparison."""
    answer = () if cell.explanation is None else answer_badges(cell.explanation, target)
    return answer + badges(registered, found.model.fingerprint, cell.method)


def usual_methods(registered: Registry, fingerprint: str) -> tuple[Choice, ...]:
    """The methods that are ticked for a model: DEFAULT_METHODS, but none that is found poor on it.

    In the place of such a one comes the best of the methods that answer the same question.
    """
    names = [each for each in DEFAULT_METHODS if not _is_poor(registered, fingerprint, each)]
    for poor in (each for each in DEFAULT_METHODS if each not in names):
        better = _best(registered, fingerprint, poor, names)
        names += [] if better is None else [better]
    return tuple(Choice(name=each) for each in names)


def _best(registered: Registry, fingerprint: str, poor: str, taken: list[str]) -> str | None:
    """The method with the best verdict that answers what `poor` answers; quick ones first."""
    entries = [e for e in registered.entries("method") if isinstance(e, MethodEntry)]
    answers = next((each.answers for each in entries if each.name == poor), None)
    ranked = []
    for at, each in enumerate(entries):
        found = verdict(registered, fingerprint, each.name)
        if each.answers != answers or each.name in (*taken, *BASELINES) or found is None:
            continue
        if found.score > 0:
            ranked.append((-found.score, _samples(registered, each.name), at, each.name))
    return min(ranked)[3] if ranked else None


def _is_poor(registered: Registry, fingerprint: str, method: str) -> bool:
    found = verdict(registered, fingerprint, method)
    return found is not None and found.score <= 0


def _samples(registered: Registry, method: str) -> bool:
    """Whether a method takes samples, or cannot be imported."""
    try:
        return "samples" in registered.get("method", method).Params.model_fields
    except InterpError:
        return True


def _summaries(registered: Registry) -> dict[str, EvaluationSummary]:
    entries = [e for e in registered.entries("evaluation") if isinstance(e, EvaluationEntry)]
    found = {}
    for each in entries:
        try:
            path = Path(registered.get(each.kind, each.name))
            found[each.name] = EvaluationSummary.read(path)
        except InterpError:
            continue
    return found


__all__ = ["badges", "cell_badges", "line", "usual_methods", "verdict"]
