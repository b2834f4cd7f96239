"""What a picture of evidence shows, in a sentence for one who has not read the method's paper."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from interp.errors import InterpError
from interp.evidence import Evidence
from interp.registry import Registry
from interp.registry.manifest import MethodEntry, RendererEntry


def caption(registry: Registry, method: str | None, each: Evidence) -> str:
    """What the method's package says of its picture, or else what any of that kind shows."""
    found = _of_method(registry, method, each.name) if method is not None else None
    if found is not None:
        return found
    if each.kind in _KINDS:
        return _KINDS[each.kind](each)
    renderers = [e for e in registry.entries("renderer") if isinstance(e, RendererEntry)]
    summary = next((e.summary for e in renderers if e.evidence == each.kind), each.kind)
    return f"{summary.rstrip('.')}."


def _of_method(registry: Registry, method: str, name: str) -> str | None:
    """The sentence of the first pattern that the picture's name has."""
    try:
        entry = registry.entry("method", method)
    except InterpError:  # a result of a method that is not installed here
        return None
    if not isinstance(entry, MethodEntry):
        return None
    return next((said for key, said in entry.pictures.items() if fnmatchcase(name, key)), None)


def _about(each: Evidence) -> str:
    return "the answer" if each.target is None else each.target


def _layer(each: Evidence) -> str:
    return "" if each.layer is None else f" of {each.layer}"


def _heatmap(each: Any) -> str:
    if each.signed:
        return (
            f"Red pixels speak for {_about(each)}, blue ones against it; pale ones matter little."
        )
    return f"The fuller a pixel's colour, the more it matters for {_about(each)}."


def _channels(each: Any) -> str:
    return (
        f"A bar for each {each.word}{_layer(each)}: how much it adds to {_about(each)}, or takes "
        "from it where it is below zero."
    )


def _pathway(each: Any) -> str:
    return (
        f"A row for each layer and a mark for each filter: coloured is {each.on}, else {each.off}."
    )


def _matrix(each: Any) -> str:
    signed = "; red is above zero, blue below" if each.signed else ""
    return f"The fuller the colour of a cell, the larger the value of its row and column{signed}."


def _table(each: Any) -> str:
    return f"Numbers in rows: {', '.join(map(str, each.columns))}."


def _curve(each: Any) -> str:
    return f"How {each.y_label} changes with {each.x_label}."


_KINDS: dict[str, Callable[[Evidence], str]] = {
    "heatmap": _heatmap,
    "tile": _heatmap,
    "regions": lambda each: (
        f"The image in parts: red ones speak for {_about(each)}, blue ones against it."
    ),
    "outline": lambda each: f"Where in the image the score of {_about(each)} belongs.",
    "channel_importance": _channels,
    "pathway": _pathway,
    "part_maps": lambda each: (
        f"Where in the image single filters{_layer(each)} respond, a picture for each; the mark is "
        "where it responds most."
    ),
    "concepts": lambda each: (
        f"Where in the image each concept is seen, and how much it matters for {_about(each)}."
    ),
    "matrix": _matrix,
    "gallery": lambda _: "Pictures, each with what it is of below it.",
    "table": _table,
    "curve": _curve,
}
