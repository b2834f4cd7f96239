"""A comparison at work: image by image, every method, each failing for itself alone."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from interp.comparison.agreement import agreement, plain
from interp.comparison.result import (
    IMAGE,
    RECORD,
    ComparedImage,
    Comparison,
    ComparisonRequest,
    ImageRecord,
    MethodCell,
    Outcome,
)
from interp.context import Progress
from interp.dataset import Example, TolerantReader
from interp.errors import Cancelled, InputError, InterpError
from interp.memory import SHARE, Answers, Memory
from interp.model import ModelAdapter
from interp.opening.prediction import predict
from interp.request import Choice
from interp.result.bundle import circumstances, write_png
from interp.result.draw import full_colour
from interp.run import run
from interp.session import Session
from interp.spec import ModelSpec
from interp.storage.folder import new_folder, write_json
from interp.target import parse_target

if TYPE_CHECKING:
    from torch import Tensor

    from interp.explanation import Prediction


@dataclass
class Tally(Answers):
    """Kept answers, and how many were asked of the model; None: nobody asked for any."""

    evaluated: int | None = None

    def get(self, key: tuple[str, str, int]) -> Tensor | None:
        self.evaluated = self.evaluated or 0
        return super().get(key)

    def put(self, key: tuple[str, str, int], scores: Tensor) -> None:
        self.evaluated = (self.evaluated or 0) + len(scores)
        super().put(key, scores)


OnImage = Callable[[ComparedImage], None]
"""on_image(case): an image's answers so far; cells that are `waiting` are to come."""


def no_callback(case: ComparedImage) -> None:
    """Nobody looks before the end."""


@dataclass(frozen=True, eq=False)
class ComparisonRun:
    """One comparison at work."""

    request: ComparisonRequest
    session: Session
    model: ModelAdapter
    on_image: OnImage = no_callback

    def examples(
        self, reading: TolerantReader, done: Container[int] = ()
    ) -> Iterator[tuple[int, Example]]:
        """The images still to do, with progress; unreadable ones are noted by `reading`."""
        total = len(reading.dataset)
        total = total if self.request.limit is None else min(total, self.request.limit)
        for index, example in reading.examples(at for at in range(total) if at not in done):
            if total > 1:
                self.session.progress("images", index, total)
            if example is not None:
                yield index, example

    def case(self, example: Example, place: Path | None = None) -> ComparedImage:
        """Every method on one image; with a place, bundles are written there."""
        answer = predict(self.model, self.model.prepare(example.image)[0])
        texts = self.request.targets or (_spoken(answer, self.model.spec.classes),)
        targets = tuple(parse_target(text, self.model.spec.classes).name for text in texts)
        tally = Tally(self.request.budget.memory // SHARE)
        cells = {each.name: MethodCell(each.name) for each in self.request.methods}
        case = ComparedImage(example.name, example.image, answer, targets, tuple(cells.values()))
        for choice in sorted(self.request.methods, key=self._samples):
            self.on_image(case)
            cells[choice.name] = self._cell(choice, example, texts, tally, place)
            case = replace(case, cells=tuple(cells.values()))
        self.on_image(case)
        return case

    def _samples(self, choice: Choice) -> bool:
        """Whether a method takes samples; those that do not are fast, and go first."""
        try:
            return "samples" in self.session.registry.get("method", choice.name).Params.model_fields
        except InterpError:
            return False

    def _cell(
        self,
        choice: Choice,
        example: Example,
        texts: Sequence[str],
        tally: Tally,
        place: Path | None,
    ) -> MethodCell:
        request = self.request.of(choice, example.name, texts)
        tally.evaluated = None
        session = replace(
            self.session,
            model=self.model,
            progress=self._labelled(choice.name),
            memory=Memory(self.session.memory.batch_sizes, tally),
        )
        try:
            found = run(
                request,
                session,
                images=[example.image],
                names=[example.name],
                out=None if place is None else place / choice.name,
                resume=False,  # the place is a draft, which a stopped run leaves nothing of
            ).explanation
        except Cancelled:
            raise
        except InterpError as error:
            return MethodCell(choice.name, error=str(error))
        asked = tally.evaluated
        return MethodCell(choice.name, found, evaluated=found.samples if asked is None else asked)

    def _labelled(self, method: str) -> Progress:
        return lambda label, done, total: self.session.progress(f"{method}: {label}", done, total)

    def store(self, example: Example, place: Path) -> ImageRecord:
        """Explain an image into a folder that appears whole, and return its numbers."""
        with new_folder(place) as partial:
            case = self.case(example, partial)
            write_png(partial / IMAGE, case.image)
            record = record_of(case, self.model.spec, place.name)
            write_json(partial / RECORD, record.model_dump(mode="json"))
        return record

    def comparison(
        self,
        records: tuple[ImageRecord, ...],
        cases: Sequence[ComparedImage],
        reading: TolerantReader,
        out: Path | None,
    ) -> Comparison:
        """The whole, once every image is done."""
        if not records:
            raise InputError(f"found no image that can be read; {'; '.join(reading.notes())}")
        return Comparison(
            self.request,
            self.model.spec,
            records,
            cases,
            tuple(reading.notes()),
            circumstances(),
            out,
        )


def _spoken(answer: Prediction, classes: Sequence[str]) -> str:
    """The top-1 class as a target: by name, or by index where the name is not its alone."""
    name, index = answer.classes[0], answer.indices[0]
    try:
        alone = parse_target(name, classes).index == index
    except InputError:
        alone = False
    return name if alone else str(index)


def record_of(case: ComparedImage, model: ModelSpec, folder: str = "") -> ImageRecord:
    """A case in numbers."""
    return ImageRecord(
        name=case.name,
        folder=folder,
        prediction=case.prediction,
        targets=case.targets,
        outcomes=tuple(_outcome(each, case.targets) for each in case.cells),
        agreement={each: _agreement(case, each, model) for each in case.targets},
    )


def _agreement(case: ComparedImage, target: str, model: ModelSpec) -> list[list[float | None]]:
    shown = [each.shown([target]).get(target) for each in case.cells]
    maps = [None if each is None else each.map() for each in shown]
    return plain(agreement(maps, model.input))


def _outcome(cell: MethodCell, targets: Sequence[str]) -> Outcome:
    if cell.explanation is None or cell.explanation.provenance is None:
        return Outcome(method=cell.method, error=cell.error)
    shown = cell.shown(targets)
    return Outcome(
        method=cell.method,
        samples=cell.explanation.samples,
        evaluated=cell.evaluated,
        seconds=cell.explanation.provenance.seconds,
        full=full_colour(shown.values()),
        unit=next((getattr(found, "unit", "") for found in shown.values()), ""),
        r2={target: found.r2 for target, found in shown.items()},
    )
