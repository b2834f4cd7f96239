"""An image's place in a page: its prediction, its panels by target, and how far methods agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from interp.comparison.result import ComparedImage, Comparison, ImageRecord
from interp.explanation import Explanation, Prediction, Provenance
from interp.registry import Registry
from interp.report.panel import Panel, Subject, panel
from interp.report.picture import Painter, Picture
from interp.result.draw import full_colour, shown


@dataclass(frozen=True)
class Group:
    """All methods on one target; `agreement` is their rank correlations, None where undefined."""

    target: str
    panels: tuple[Panel, ...]
    agreement: Sequence[Sequence[float | None]] = ()


@dataclass(frozen=True)
class Section:
    """One image."""

    name: str
    photo: Picture
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
    """A comparison's case; with `further`, all that the methods show beside their maps."""
    groups = tuple(
        Group(
            target,
            tuple(_panels(painter, comparison, case, target, further)),
            record.agreement[target],
        )
        for target in case.targets
    )
    photo = painter.photo(case.image, f"The image {case.name}")
    return Section(case.name, photo, case.prediction, groups)


def _panels(
    painter: Painter, comparison: Comparison, case: ComparedImage, target: str, further: bool
) -> list[Panel]:
    subject = Subject(case.image, 0, case.name, target)
    found = []
    for cell in case.cells:
        summary = summary_of(painter.registry, cell.method)
        if cell.explanation is None:
            found.append(Panel(cell.method, summary, error=cell.error))
            continue
        scale = comparison.scales[cell.method]
        one = panel(painter, cell.method, summary, cell.explanation, subject, scale, further)
        found.append(one)
    return found


def sections_of(
    painter: Painter, found: Explanation, full: float | None = None, further: bool = True
) -> list[Section]:
    """One explanation alone, image by image; |value| `full` takes the full colour, if given."""
    made = found.provenance
    if made is None:
        return []
    if full is None:
        each = range(len(made.image_names))
        full = max(full_colour(shown(found, made.targets, at).values()) for at in each)
    return [
        Section(
            name,
            painter.photo(found.images[at], f"The image {name}"),
            made.predictions[at],
            tuple(_alone(painter, found, made, at, full, further)),
        )
        for at, name in enumerate(made.image_names)
    ]


def _alone(
    painter: Painter, found: Explanation, made: Provenance, at: int, full: float, further: bool
) -> Iterator[Group]:
    summary = summary_of(painter.registry, made.method)
    explained = {each.target for each in found.evidence if each.image in (None, at)}
    for target in made.targets:
        if target in explained:
            subject = Subject(found.images[at], at, made.image_names[at], target)
            one = panel(painter, made.method, summary, found, subject, full, further)
            yield Group(target, (one,))


def summary_of(registry: Registry, method: str) -> str:
    """A method in one line."""
    return registry.entry("method", method).summary
