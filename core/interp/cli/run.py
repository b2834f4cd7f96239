"""`interp run` and `interp survey`: the options become a Request, and interp.run does the work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from interp.cli import flags, parse
from interp.cli.column import columns
from interp.cli.output import answer
from interp.errors import InputError
from interp.request import Request

if TYPE_CHECKING:
    from interp.explanation import Explanation, Provenance
    from interp.run import Result
    from interp.run_folder import FolderRun


def run_method(
    context: typer.Context,
    method: flags.InformedMethod,
    images: flags.Images,
    model: flags.Model,
    work: flags.Work,
    *,
    shard: str | None = flags.SHARD,
    workers: flags.Workers,
    no_pictures: bool = flags.NO_PICTURES,
    layout: Literal["folders", "parts"] | None = flags.LAYOUT,
    folder: flags.Folder,
    full_maps: bool = flags.FULL_MAPS,
    shell: flags.Shell,
) -> None:
    """Explain images by one method, and save a folder of results.

    Every parameter of the method is an option too: interp show NAME lists them. With --data, each
    image of a folder gets a folder of its own below --out, and index.html shows them all. The same
    command with the same --out goes on where it was stopped.

    Examples
      interp run --plugin mint
      interp run --plugin mint --image photo.jpg --model torchvision:resnet18
      interp run --plugin mint --target "dog, not cat" --regions 2 --out first
      interp run --plugin rise --until stable
      interp run --plugin gradcam --data photos --limit 100 --shard 0/2 --out all
      interp run --plugin rise --data photos --workers 8 --out all
      interp run --plugin gradcam --data photos --no-pictures --out all
    """
    from interp.opening.named import default_model

    request = Request(
        method=method.plugin,
        model=model.model or default_model(shell.registry, method.plugin),
        options=model.options(),
        params=parse.parameters(shell.registry, method.plugin, method.set_, context),
        knowledge=method.knowledge,
        seed=work.seed,
        budget=work.budget(shard),
        full_maps=full_maps,
        **images.given(),
    )
    if request.data is None:
        if images.limit or shard or workers.wanted or no_pictures or layout:
            raise InputError(
                "--limit, --shard, --workers, --cluster, --no-pictures and --layout are for many "
                "images; name a folder with --data"
            )
        from interp.run import run

        place = folder.place(request.method, request.images[0])
        with shell.session(any_time=work.yes) as session:
            result = run(request, session, out=place)
        report(result, shell)
        return
    if shard and folder.out is None:
        raise InputError("--shard needs --out, the folder that all parts share")
    from interp.report.page import write_index
    from interp.run_folder import run_folder

    place = folder.place(request.method, request.data)
    with shell.session(any_time=work.yes, pool=workers.pool()) as session:
        found = run_folder(
            request,
            place,
            session,
            limit=images.limit,
            pictures=not no_pictures,
            layout=layout,
        )
        if not no_pictures:
            write_index(session.registry, found)
    shell.say({"folder": str(found.folder), **found.facts()}, _folder_lines(found, no_pictures))


def _folder_lines(found: FolderRun, no_pictures: bool) -> Iterator[str]:
    yield f"{found.request.method} on {found.request.model}: {found.summary}"
    yield from (f"failed on {name}: {reason}" for name, reason in found.failed.items())
    yield from (f"note: {each}" for each in found.notes)
    if found.unreadable:
        yield "once a file that cannot be read is put right, the same command explains it"
    yield f"folder: {found.folder}" if no_pictures else f"gallery: {found.folder}/index.html"


def survey_method(
    context: typer.Context,
    method: flags.InformedMethod,
    *,
    data: str = flags.LABELLED_DATA,
    model: flags.Model,
    seed: int = flags.SEED,
    yes: bool = flags.YES,
    out: Path | None = flags.OUT,
    shell: flags.Shell,
) -> None:
    """Show what a method knows about a model's classes.

    Saves a folder. The images of --data serve as examples. Every parameter of the method is an
    option too: interp show NAME lists them.

    Examples
      interp survey --plugin chip --data creatures
    """
    from interp.opening.named import default_model
    from interp.run import survey

    request = Request(
        method=method.plugin,
        model=model.model or default_model(shell.registry, method.plugin),
        options=model.options(),
        images=(),
        params=parse.parameters(shell.registry, method.plugin, method.set_, context),
        data=data,
        knowledge=method.knowledge,
        seed=seed,
    )
    with shell.session(any_time=yes) as session:
        result = survey(request, session, out=out or flags.new_name(request.method, data))
    report(result, shell)


def report(result: Result, shell: flags.Shell) -> None:
    """Print the result of a run or a survey."""
    made = result.explanation.provenance
    assert made is not None  # noqa: S101 - run always fills it
    shell.say(_facts(result, made), _lines(result, made))


def _facts(result: Result, made: Provenance) -> dict[str, Any]:
    return {
        "bundle": str(result.bundle),
        "method": made.method,
        "model": made.model.name,
        "device": made.model.device,
        "targets": list(made.targets),
        "samples": result.explanation.samples,
        "seconds": made.seconds,
        "seed": made.seed,
        "scores": result.explanation.scores,
        "notes": _notes(result.explanation, made),
        "predictions": [
            {"image": name, **asdict(each)}
            for name, each in zip(made.image_names, made.predictions, strict=True)
        ],
        "pictures": [str(each) for each in result.pictures],
    }


def _notes(explanation: Explanation, made: Provenance) -> list[str]:
    return list(dict.fromkeys((*made.model.notes, *explanation.notes)))


def _lines(result: Result, made: Provenance) -> Iterator[str]:
    explanation = result.explanation
    model, samples = made.model, f"{explanation.samples} samples in " * bool(explanation.samples)
    work = f"{samples}{made.seconds:.1f} s"
    yield f"{made.method} on {model.name} ({model.device}): {work}, seed {made.seed}"
    yield from (
        answer(name, each) for name, each in zip(made.image_names, made.predictions, strict=True)
    )
    yield from score_table(explanation.scores)
    yield from (f"note: {each}" for each in _notes(explanation, made))
    yield from map(str, result.pictures)
    yield f"bundle: {result.bundle}"


def score_table(scores: dict[str, Any]) -> Iterator[str]:
    """Scores as aligned columns, one target to a column."""
    from interp.result.score import score_rows

    if rows := score_rows(scores):
        yield from columns(rows)
