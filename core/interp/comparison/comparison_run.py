"""One comparison under way: image by image, method by method, each failure in its own cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from interp.comparison.result import (
    RECORD,
    ComparedImage,
    Comparison,
    ComparisonRequest,
    ImageRecord,
    MethodCell,
    StoredImages,
)
from interp.comparison.save import save_image
from interp.context import Progress
from interp.dataset import Example, TolerantReader
from interp.errors import Cancelled, InputError, InterpError, OutputError, about
from interp.explanation import Prediction
from interp.guard import copies
from interp.memory import SHARE, Answers
from interp.model import ModelAdapter
from interp.network.weight_state import Originals
from interp.opening.prediction import added_notes, predict
from interp.registry.hook import call_after
from interp.request import Choice
from interp.result.bundle import circumstances
from interp.run import run
from interp.session import Session
from interp.storage.folder import new_folder, remove_leftovers, write_json_whole
from interp.storage.folder_lock import lock
from interp.storage.pixel import LoadedImage, to_picture
from interp.storage.resumable import ResumableFolder
from interp.target import index_text, parse_target

if TYPE_CHECKING:
    from torch import Tensor

OnImage = Callable[[ComparedImage], None]
"""on_image(case): an image's results so far; cells that are `waiting` are still to come."""
ExplainImage = Callable[[int], "ImageRecord | str"]
"""Explains the image of this number into a folder; its record, or why it is left out."""
OnSaved = Callable[[Comparison], None]
"""on_saved(comparison): writes more into the folder, which no other process writes meanwhile."""


def no_callback(result: object) -> None:
    """Ignore results."""


def labelled(prefix: str, progress: Progress) -> Progress:
    """A progress callback whose labels begin with a prefix."""
    return lambda label, done, total: progress(f"{prefix}: {label}", done, total)


@dataclass
class CountedAnswers(Answers):
    """Cached model answers, and how many the model had to compute; None: none were requested."""

    evaluated: int | None = None

    def get(self, key: tuple[str, str, int]) -> Tensor | None:
        self.evaluated = self.evaluated or 0
        return super().get(key)

    def put(self, key: tuple[str, str, int], scores: Tensor) -> None:
        self.evaluated = (self.evaluated or 0) + len(scores)
        super().put(key, scores)


@dataclass(frozen=True, eq=False)
class ComparisonRun:
    """One comparison under way."""

    request: ComparisonRequest
    session: Session
    model: ModelAdapter
    reader: TolerantReader
    on_image: OnImage = no_callback
    on_saved: OnSaved = no_callback
    told: tuple[str, ...] = ()
    """Notes on packages that failed in a hook before it."""

    def in_memory(self) -> Comparison:
        """The comparison with all images in memory."""
        cases = []
        for index in range(self._total):
            self._report(index)
            found = self._example(index)
            if isinstance(found, str):
                self.reader.unreadable.append(found)
            else:
                cases.append(self._compared(*found))
        records = tuple(ImageRecord.of(each, self.model.spec) for each in cases)
        return self._comparison(records, cases)

    def into(self, out: Path, reopen: Callable[[], ExplainImage]) -> Comparison:
        """The comparison in a folder, one image in memory at a time; finished images are kept.

        `reopen` gives what `explain` of the same comparison does in another process.
        """
        folder = self.folder(out)
        folder.begin(lambda: folder.found(RECORD))
        with lock(out, out):
            records = {at: ImageRecord.read(path) for at, path in folder.found(RECORD).items()}
            missing = [index for index in range(self._total) if index not in records]
            left_out: dict[int, str] = {}
            try:
                self._report(len(records))
                explain = partial(self.explain, folder)
                for index, outcome in self.session.pool.map(explain, missing, reopen):
                    if isinstance(outcome, ImageRecord):
                        records[index] = outcome
                    else:
                        left_out[index] = outcome if isinstance(outcome, str) else outcome.reason
                    self._report(len(records) + len(left_out))
            except KeyboardInterrupt as error:
                raise Cancelled(folder.stopped(len(folder.found(RECORD)))) from error
            remove_leftovers(out)  # of workers that were killed, while others did their images
            self.reader.unreadable += [reason for _, reason in sorted(left_out.items())]
            listed = tuple(records[index] for index in sorted(records))
            found = self._comparison(listed, StoredImages(out, listed, self.session.registry), out)
            write_json_whole(out / "comparison.json", found.facts())
            found.seal()
            self.on_saved(found)
            return found.noted(self.session.saved(out, found))

    def folder(self, out: Path) -> ResumableFolder:
        """The folder of this comparison."""
        images, model = self.reader.dataset.fingerprint, self.model.spec.fingerprint
        content, each = {"images": images, "model": model}, self.reader.dataset.image_fingerprints
        return ResumableFolder.of(out, self.request, content, each)

    def explain(self, folder: ResumableFolder, index: int) -> ImageRecord | str:
        """Explain an image into a new folder, whole or not at all; or why it is left out."""
        found = self._example(index)
        if isinstance(found, str):
            return found
        example, model = found
        place = folder.piece(index, example.name)
        if (place / RECORD).is_file():  # by a worker that died before it could say so
            return ImageRecord.read(place / RECORD)
        with new_folder(place) as partial_folder:
            case = self._compared(example, model, partial_folder)
            return save_image(case, self.model.spec, partial_folder, place.name)

    @property
    def _total(self) -> int:
        """The number of images."""
        total = len(self.reader.dataset)
        return total if self.request.limit is None else min(total, self.request.limit)

    def _report(self, done: int) -> None:
        """Progress, where there are several images."""
        if self._total > 1:
            self.session.progress("images", done, self._total)

    def _example(self, index: int) -> tuple[Example, ModelAdapter] | str:
        """An image with the model as it scores that one, or why there is nothing to explain.

        Where a single image has nothing to explain, that is raised.
        """
        try:
            example = self.reader.dataset[index]
        except InputError as error:
            return str(error)
        try:
            with about(example.name):
                return example, self.model.focus(example.image)
        except InputError as error:
            if self._total == 1:
                raise
            return str(error)

    def _compared(
        self, example: Example, model: ModelAdapter, place: Path | None = None
    ) -> ComparedImage:
        """Every method on one image; with `place`, their bundles are written there."""
        said = added_notes(self.model, model)
        prediction = predict(model, model.prepare(example.image)[0])
        picture = to_picture(example.image, model.spec.input.bands)
        classes = model.spec.classes
        texts = self.request.targets or (_top_target(prediction, classes),)
        targets = tuple(parse_target(text, classes).name for text in texts)
        answers = CountedAnswers(self.request.budget.memory // SHARE)
        cells = {each.name: MethodCell(each.name) for each in self.request.methods}
        case = ComparedImage(
            example.name,
            picture,
            prediction,
            targets,
            tuple(cells.values()),
            (*example.notes, *said),
        )
        for choice in sorted(self.request.methods, key=self._takes_samples):
            self.on_image(case)
            cells[choice.name] = self._cell(model, choice, example, texts, answers, place)
            case = replace(case, cells=tuple(cells.values()))
        self.on_image(case)
        return case

    @cached_property
    def _originals(self) -> Originals | None:
        """Copies of the weights, so that no method hands a changed model on to the next one."""
        several = len(self.request.methods) > 1
        return copies(self.model, self.request.budget.memory) if several else None

    def _takes_samples(self, choice: Choice) -> bool:
        try:
            return "samples" in self.session.registry.get("method", choice.name).Params.model_fields
        except InterpError:
            return False

    def _cell(
        self,
        model: ModelAdapter,
        choice: Choice,
        example: Example,
        texts: Sequence[str],
        answers: CountedAnswers,
        place: Path | None,
    ) -> MethodCell:
        answers.evaluated = None
        session = replace(
            self.session,
            model=model,
            originals=self._originals,
            temporary=True,  # a cell's folder moves along with the comparison's
            progress=labelled(choice.name, self.session.progress),
            memory=self.session.memory.alone(answers),
        )
        try:
            found = run(
                self.request.of(choice, example.name, texts),
                session,
                images=[LoadedImage(example.image)],
                names=[example.name],
                out=None if place is None else place / choice.name,
                resume=False,  # the place is temporary: nothing of a stopped run stays there
            ).explanation
        except (Cancelled, OutputError):
            raise
        except InterpError as error:
            return MethodCell(choice.name, error=str(error))
        evaluated = found.samples if answers.evaluated is None else answers.evaluated
        return MethodCell(choice.name, found, evaluated=evaluated)

    def _comparison(
        self,
        records: tuple[ImageRecord, ...],
        cases: Sequence[ComparedImage],
        out: Path | None = None,
    ) -> Comparison:
        for each in records:  # also those that an earlier run read
            self.reader.assume(each.name, each.notes)
        notes = tuple(self.reader.notes())
        if not records:
            raise InputError(f"found no image that can be read; {'; '.join(notes)}")
        model = self.model.spec
        notes = tuple(dict.fromkeys((*notes, *model.notes, *self.told)))
        found = Comparison(self.request, model, records, cases, notes, circumstances(), out)
        return found.noted(
            call_after(self.session.registry, "interp_after_compare", comparison=found)
        )


def _top_target(prediction: Prediction, classes: Sequence[str]) -> str:
    """The top-1 class by name, or by index where another class has the same name."""
    name, index = prediction.classes[0], prediction.indices[0]
    try:
        return name if parse_target(name, classes).index == index else index_text(index, classes)
    except InputError:
        return index_text(index, classes)
