"""A method's place in a page: its map, how far to trust it, and what else it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from interp.evidence import POOR_FIT, Evidence
from interp.explanation import Explanation
from interp.report.picture import Painter, Picture
from interp.result.draw import shown


@dataclass(frozen=True)
class Panel:
    """What one method says of one image and target."""

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


@dataclass(frozen=True)
class Subject:
    """The image and the target that panels are about."""

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
    full: float,
    further: bool = True,
) -> Panel:
    """A method's panel; |value| `full` takes the full colour."""
    standing = shown(found, [subject.target], subject.at).get(subject.target)
    values = None if standing is None else standing.map()
    if standing is None or values is None:
        return _unmapped(painter, method, summary, found, subject)
    alt = f"Map of {method} for {subject.target} on {subject.name}"
    doubt, doubt_scale = _doubt(painter, standing, subject, alt) if further else (None, "")
    return Panel(
        method,
        summary,
        picture=painter.tile(_share(values, full), subject.image, alt),
        scale=_scale(values, full, getattr(standing, "unit", "")),
        fit="" if standing.r2 is None else f"R² {standing.r2:.2f}",
        poor=bool(_poor(standing)),
        warnings=(*_poor(standing), *found.notes_of(subject.target, subject.at)),
        doubt=doubt,
        doubt_scale=doubt_scale,
        facts=_facts(found, subject),
        more=_more(painter, found, subject) if further else (),
    )


def _unmapped(
    painter: Painter, method: str, summary: str, found: Explanation, subject: Subject
) -> Panel:
    """A method that gives no map: its first picture as its renderer draws it."""
    more = _more(painter, found, subject)
    return Panel(
        method,
        summary,
        error=None if more else f"{method} found nothing on {subject.target}",
        picture=more[0][1] if more else None,
        scale="no map of the image: drawn on a scale of its own" if more else "",
        warnings=found.notes_of(subject.target, subject.at),
        facts=_facts(found, subject),
        more=more[1:],
    )


def _share(values: np.ndarray, full: float) -> np.ndarray:
    share = values / full if full > 0 else np.zeros(values.shape, np.float32)
    return np.clip(share, -1, 1)


def _scale(values: np.ndarray, full: float, unit: str) -> str:
    low, high = float(values.min()), float(values.max())
    if full <= 0:
        return "all zero: nothing is important here"
    parts = [f"up to {high:+.3g}"] if high > 0 else []
    parts += [f"down to {low:+.3g}"] if low < 0 else []
    reach = " and ".join(parts).replace("-", "−") or "zero everywhere"
    return f"Full colour: {full:.3g} {unit}. Here {reach}."


def _poor(standing: Evidence) -> tuple[str, ...]:
    if standing.r2 is None or standing.r2 >= POOR_FIT:
        return ()
    told = "the map tells less than half of how the score changes."
    return (f"Poor fit, R² {standing.r2:.2f}: {told}",)


def _doubt(
    painter: Painter, standing: Evidence, subject: Subject, alt: str
) -> tuple[Picture | None, str]:
    error = standing.error_map()
    if error is None or not error.max() > 0:
        return None, ""
    top = float(error.max())
    drawn = painter.tile(error / top, subject.image, f"Standard error. {alt}", signed=False)
    return drawn, f"Standard error: yellow is ±{top:.2g}."


def _facts(found: Explanation, subject: Subject) -> tuple[tuple[str, str], ...]:
    """The numbers that the method tells of this target, or of all."""
    scores = found.scores_of(subject.target, subject.at)
    return tuple((key.replace("_", " "), _number(value)) for key, value in scores.items())


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "–" if value is None else str(value)


def _more(
    painter: Painter, found: Explanation, subject: Subject
) -> tuple[tuple[str, Picture], ...]:
    """Every piece of evidence on this image and target as its own renderer draws it."""
    wanted = [
        each
        for each in found.evidence
        if each.image in (None, subject.at) and each.target in (None, subject.target)
    ]
    return tuple((each.name, _drawn(painter, each, subject)) for each in wanted)


def _drawn(painter: Painter, each: Evidence, subject: Subject) -> Picture:
    image = None if each.image is None else subject.image
    return painter.evidence(each, image, f"{each.name} of {subject.target}, {each.kind}")
