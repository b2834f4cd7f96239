"""The part of a page about one image: its prediction, and by target the methods' panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from interp.comparison.result import ComparedImage, Comparison, ImageRecord
from interp.comparison.verdict import verdict
from interp.explanation import Explanation, Prediction
from interp.report.panel import Panel, Subject, panel
from interp.report.picture import THUMB, Painter, Picture
from interp.report.trust import panel_badges
from interp.result.draw import colour_limit, maps_by_target
from interp.spec import ModelSpec


@dataclass(frozen=True)
class Group:
    """All methods on one target; `agreement`: their rank correlations, None where undefined."""

    target: str
    panels: tuple[Panel, ...]
    agreement: Sequence[Sequence[float | None]] = ()
    verdict: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    """One image."""

    name: str
    photo: Picture
    thumb: Picture
    prediction: Prediction
    groups: tuple[Group, ...]
    link: str = ""


def section(
    painter: Painter,
    comparison: Comparison,
    record: ImageRecord,
    case: ComparedImage,
    further: bool = True,
) -> Section:
    """An image of a comparison; with `further`, the other evidence besides the maps as well."""
    entries = {each: painter.registry.entry("method", each) for each in comparison.methods}
    groups = []
    for target in case.targets:
        subject, panels = Subject(case.image, 0, case.name, target), []
        for cell in case.cells:
            name, summary = cell.method, entries[cell.method].summary
            shown = Panel(name, summary, error=cell.error)
            if cell.explanation is not None:
                limit = comparison.scales[name]
                shown = panel(painter, name, summary, cell.explanation, subject, limit, further)
            panels.append(_with_trust(shown, painter, comparison.model, cell.explanation, subject))
        said = verdict(comparison, record, target).sentences()
        groups.append(Group(target, tuple(panels), record.agreement[target], said))
    photos = _photos(painter, case.image, case.name)
    return Section(case.name, *photos, case.prediction, tuple(groups))


def sections_of(
    painter: Painter, found: Explanation, limit: float | None = None, further: bool = True
) -> list[Section]:
    """The images of one explanation; |value| `limit`, by default its own, takes full colour."""
    made = found.provenance
    if made is None:
        return []
    images = range(len(made.image_names))
    if limit is None:
        maps = (maps_by_target(found, made.targets, at).values() for at in images)
        limit = max(colour_limit(each) for each in maps)
    summary = painter.registry.entry("method", made.method).summary
    sections = []
    for at in images:
        name, image = made.image_names[at], found.images[at]
        explained = {each.target for each in found.evidence if each.image in (None, at)}
        groups = []
        for target in (each for each in made.targets if each in explained):
            subject = Subject(image, at, name, target)
            shown = panel(painter, made.method, summary, found, subject, limit, further)
            panels = (_with_trust(shown, painter, made.model, found, subject),)
            groups.append(Group(target, panels))
        photos = _photos(painter, image, name)
        sections.append(Section(name, *photos, made.predictions[at], tuple(groups)))
    return sections


def _with_trust(
    shown: Panel, painter: Painter, model: ModelSpec, found: Explanation | None, subject: Subject
) -> Panel:
    """The panel with what is known of how far it can be trusted."""
    about = model.fingerprint, shown.method, found, subject.target, subject.at
    return replace(shown, trust=panel_badges(painter.registry, *about))


def _photos(painter: Painter, image: np.ndarray, name: str) -> tuple[Picture, Picture]:
    """The image itself, large and small."""
    alt = f"The image {name}"
    return painter.photo(image, alt), painter.photo(image, alt, THUMB)
