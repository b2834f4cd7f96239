"""The part of a page about one method and target: its map, its reliability, its other evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from interp.comparison.badge import Badge
from interp.evidence import NO_FIT, Outline, Tile, fit_words, is_poor
from interp.explanation import Explanation
from interp.report.picture import Painter, Picture
from interp.result.caption import caption
from interp.result.draw import map_tile, maps_by_target, outlined
from interp.result.score import score_words


@dataclass(frozen=True)
class Panel:
    """What a page shows of one method on one image and target.

    `scale` says in words what full colour means, `doubt` is a picture of the standard error,
    `facts` are named numbers, `more` the method's other evidence: what each picture shows, and the
    picture. `trust` is what is known of how far it can be trusted.
    """

    method: str
    summary: str = ""
    error: str | None = None
    picture: Picture | None = None
    scale: str = ""
    fit: str = ""
    poor: bool = False
    warnings: tuple[str, ...] = ()
    doubt: Picture | None = None
    doubt_scale: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    more: tuple[tuple[str, Picture], ...] = ()
    trust: tuple[Badge, ...] = ()


@dataclass(frozen=True)
class Subject:
    """The image (H, W, 3) uint8, with its number and name, and the target of a panel."""

    image: np.ndarray
    at: int
    name: str
    target: str


def panel(
    painter: Painter,
    method: str,
    summary: str,
    found: Explanation,
    subject: Subject,
    limit: float,
    further: bool = True,
) -> Panel:
    """A method's panel; |value| `limit` takes full colour.

    With `further`, it also shows the standard error and the method's other evidence. A method
    without a map is represented by its first picture, drawn by its own renderer.
    """
    target, at = subject.target, subject.at
    subject = replace(subject, image=outlined(subject.image, found, target, at))
    facts = tuple(
        (key.replace("_", " "), score_words(key, value))
        for key, value in found.scores_of(target, at).items()
    )
    mapped = maps_by_target(found, [target], at).get(target)
    values = None if mapped is None else mapped.map()
    more = _more(painter, method, found, subject) if further or values is None else ()
    of_model = () if found.provenance is None else found.provenance.model.notes  # told once a page
    notes = tuple(each for each in found.notes_of(target, at) if each not in of_model)
    base = Panel(method, summary, warnings=notes, facts=facts, more=more)
    if mapped is None or values is None:
        error = None if more else f"{method} found nothing on {target}"
        scale = f"{more[0][0]} Not a map of the image: drawn on its own scale." if more else ""
        first, rest = (more[0][1], more[1:]) if more else (None, ())
        return replace(base, error=error, picture=first, scale=scale, more=rest)
    alt = f"Map of {method} for {target} on {subject.name}"
    doubt = mapped.error_map() if further else None
    most = 0.0 if doubt is None else float(doubt.max())
    if doubt is not None and most > 0:
        doubt_alt = f"Standard error. {alt}"
        tile = Tile(name="tile", values=(doubt / most).astype(np.float32), signed=False)
        base = replace(
            base,
            doubt=painter.tile(tile, subject.image, doubt_alt),
            doubt_scale=f"Standard error: yellow is ±{most:.2g}.",
        )
    fit = "" if mapped.r2 is None else fit_words(mapped.r2)
    poor = is_poor(mapped.r2)
    warning = f"Poor fit, {fit}: the map explains less than half of how the score changes."
    if mapped.r2 is not None and mapped.r2 < NO_FIT:
        warning = "The map does not fit at all: it says nothing of how the score changes."
    return replace(
        base,
        picture=painter.tile(map_tile(values, limit), subject.image, alt),
        scale=_scale(values, limit, getattr(mapped, "unit", "")),
        fit=fit,
        poor=poor,
        warnings=(warning, *notes) if poor else notes,
    )


def _scale(values: np.ndarray, limit: float, unit: str) -> str:
    low, high = float(values.min()), float(values.max())
    if limit <= 0:
        return "all zero: nothing is important here"
    parts = [f"up to {high:+.3g}"] if high > 0 else []
    parts += [f"down to {low:+.3g}"] if low < 0 else []
    reach = " and ".join(parts).replace("-", "−") or "zero everywhere"
    return f"Full colour: {limit:.3g} {unit}. Here {reach}."


def _more(
    painter: Painter, method: str, found: Explanation, subject: Subject
) -> tuple[tuple[str, Picture], ...]:
    """Every piece of evidence on this image and target, drawn by its own renderer."""
    return tuple(
        (
            caption(painter.registry, method, each),
            painter.evidence(
                each,
                None if each.image is None else subject.image,
                f"{each.name} of {subject.target}, {each.kind}",
            ),
        )
        for each in found.evidence
        if each.image in (None, subject.at) and each.target in (None, subject.target)
        if not isinstance(each, Outline)  # the other pictures show it
    )
