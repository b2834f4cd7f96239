"""The methods that are ticked for a model, by what evaluations found."""

from __future__ import annotations

from interp.errors import InterpError
from interp.registry import Registry
from interp.registry.manifest import MethodEntry
from interp.report.trust import verdict
from interp.request import BASELINES, Choice
from interp_dashboard.link import DEFAULT_METHODS


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
