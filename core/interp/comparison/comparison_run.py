"""One comparison under way: image by image, method by method, each failure in its own cell."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from interp.cluster.pool import Lost
from interp.comparison.asked import AskedImage, AskedImages
from interp.comparison.counted_answers import CountedAnswers
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
from interp.context import Progress, no_progress
from interp.dataset import TolerantReader
from interp.errors import Cancelled, InputError, InterpError, OutputError
from interp.explanation import Explanation
from interp.guard import copies
from interp.image_group import SIZE, ImageGroup
from interp.memory import SHARE
from interp.method import Style
from interp.model import ModelAdapter
from interp.network.weight_state import Originals
from interp.opening.prediction import added_notes
from interp.registry.hook import call_after
from interp.request import Choice
from interp.result.bundle import circumstances, save_bundle
from interp.result.draw import draw
from interp.run import run
from interp.run_batch import batched
from interp.session import Session
from interp.storage.folder import new_folder, remove_leftovers, write_json_whole
from interp.storage.folder_lock import lock
from interp.storage.pixel import LoadedImage, to_picture
from interp.storage.resumable import ResumableFolder
from interp.target import parse_target

OnImage = Callable[[ComparedImage], None]
"""on_image(case): an image's results so far; cells that are `waiting` are still to come."""
ExplainPiece = Callable[[range], "Iterable[tuple[int, ImageRecord | str]]"]
"""Explains the images of these numbers into a folder; their records, or why they are left out."""
OnSaved = Callable[[Comparison], None]
"""on_saved(comparison): writes more into the folder, which no other process writes meanwhile."""
FEW = 4
"""Images that are explained together where other methods take each by itself: those take longer,
and workers should end at about the same time."""


def no_callback(result: object) -> None:
    """Ignore results."""


def labelled(prefix: str, progress: Progress) -> Progress:
    """A progress callback whose labels begin with a prefix."""
    return lambda label, done, total: progress(f"{prefix}: {label}", done, total)


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
        for piece in self._pieces:
            for index, found in self._asked.together(piece, self._own):
                self._report(index)
                if isinstance(found, str):
                    self.reader.unreadable.append(found)
                else:
                    cases.append(self._compared(found))
        records = tuple(ImageRecord.of(each, self.model.spec) for each in cases)
        return self._comparison(records, cases)

    def into(self, out: Path, reopen: Callable[[], ExplainPiece]) -> Comparison:
        """The comparison in a folder, some images in memory at a time; finished ones are kept.

        `reopen` gives what `explain` of the same comparison does in another process.
        """
        folder = self.folder(out)
        folder.begin(lambda: folder.found(RECORD))
        with lock(out, out):
            records = {at: ImageRecord.read(path) for at, path in folder.found(RECORD).items()}
            left_out: dict[int, str] = {}
            try:
                self._report(len(records))
                for index, outcome in self._outcomes(folder, records, reopen):
                    if isinstance(outcome, ImageRecord):
                        records[index] = outcome
                    else:
                        left_out[index] = outcome
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

    def explain(
        self, folder: ResumableFolder, piece: range
    ) -> Iterator[tuple[int, ImageRecord | str]]:
        """Explain images into new folders, each whole or not at all; or why they are left out."""
        for index, found in self._asked.together(piece, self._own):
            yield index, found if isinstance(found, str) else self._saved(folder, found)

    def _saved(self, folder: ResumableFolder, asked: AskedImage) -> ImageRecord:
        """An image's record, once its folder is whole."""
        place = folder.piece(asked.number, asked.example.name)
        if (place / RECORD).is_file():  # by a worker that died before it could say so
            return ImageRecord.read(place / RECORD)
        with new_folder(place) as partial_folder:
            case = self._compared(asked, partial_folder)
            file = asked.example.file
            return save_image(case, self.model.spec, partial_folder, place.name, file)

    def _outcomes(
        self,
        folder: ResumableFolder,
        known: Container[int],
        reopen: Callable[[], ExplainPiece],
    ) -> Iterator[tuple[int, ImageRecord | str]]:
        """The record of each image that is not known, or why it is left out, as they are done."""
        left = [each for each in self._pieces if not all(at in known for at in each)]
        explain = partial(self.explain, folder)
        while left:
            pieces, left = left, []
            for piece, found in self.session.pool.map(explain, pieces, reopen):
                if not isinstance(found, Lost):
                    yield from found
                elif len(piece) == 1:
                    yield piece[0], found.reason
                else:  # one of its images ends the worker
                    left += [range(at, at + 1) for at in piece]

    @cached_property
    def _asked(self) -> AskedImages:
        """The images with what is asked about them."""
        return AskedImages(
            self.reader.dataset, self.model, self.request.targets, self.request.limit
        )

    @cached_property
    def _pieces(self) -> list[range]:
        """The images in pieces of work: single ones, or those that methods explain together.

        They are the same with any number of workers, and so are the answers.
        """
        total = len(self._asked)
        if total == 1:
            return [range(1)]
        every = len(self._batched) == len(self.request.methods)
        size = SIZE if every else FEW if self._batched else 1
        return [range(at, min(at + size, total)) for at in range(0, total, size)]

    @cached_property
    def _batched(self) -> frozenset[str]:
        """The methods that explain several images together."""
        asked = (self.request.of(each, "", ()) for each in self.request.methods)
        return batched(asked, replace(self.session, model=self.model))

    @cached_property
    def _own(self) -> Session:
        """The session of methods that explain several images together."""
        return replace(
            self.session,
            model=self.model,
            originals=self._originals,
            temporary=True,
            progress=no_progress,  # what a group tells is not how far the comparison is
            memory=self.session.memory.alone(),
        )

    def _report(self, done: int) -> None:
        """Progress, where there are several images."""
        if len(self._asked) > 1:
            self.session.progress("images", done, len(self._asked))

    def _compared(self, asked: AskedImage, place: Path | None = None) -> ComparedImage:
        """Every method on one image; with `place`, their bundles are written there."""
        example, model = asked.example, asked.model
        answers = CountedAnswers(self.request.budget.memory // SHARE)
        cells = {each.name: MethodCell(each.name) for each in self.request.methods}
        case = ComparedImage(
            example.name,
            to_picture(example.image, model.spec.input.bands),
            asked.prediction,
            tuple(parse_target(each, model.spec.classes).name for each in asked.texts),
            tuple(cells.values()),
            (*example.notes, *added_notes(self.model, model)),
        )
        for choice in sorted(self.request.methods, key=self._takes_samples):
            self.on_image(case)
            cells[choice.name] = self._cell(choice, asked, answers, place)
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
        self, choice: Choice, asked: AskedImage, answers: CountedAnswers, place: Path | None
    ) -> MethodCell:
        answers.evaluated = None
        out = None if place is None else place / choice.name
        try:
            if asked.group is not None and choice.name in self._batched:
                found = self._grouped(choice, asked, asked.group, out)
            else:
                found = self._alone(choice, asked, answers, out)
        except (Cancelled, OutputError):
            raise
        except InterpError as error:
            return MethodCell(choice.name, error=str(error))
        evaluated = found.samples if answers.evaluated is None else answers.evaluated
        return MethodCell(choice.name, found, evaluated=evaluated)

    def _grouped(
        self, choice: Choice, asked: AskedImage, group: ImageGroup, out: Path | None
    ) -> Explanation:
        """What a method says of an image along with the others of its group."""
        request = self.request.of(choice, asked.example.source, asked.texts)
        found = group.explanation(request, asked.number)
        if out is not None:
            save_bundle(out, request, found, draw(self.session.registry, found, Style()))
        return found

    def _alone(
        self, choice: Choice, asked: AskedImage, answers: CountedAnswers, out: Path | None
    ) -> Explanation:
        """What a method says of one image."""
        session = replace(
            self._own,
            model=asked.model,
            progress=labelled(choice.name, self.session.progress),
            memory=self.session.memory.alone(answers),
        )
        return run(
            self.request.of(choice, asked.example.source, asked.texts),
            session,
            images=[LoadedImage(asked.example.image)],
            names=[asked.example.name],
            out=out,
            resume=False,  # the place is temporary: nothing of a stopped run stays there
        ).explanation

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
