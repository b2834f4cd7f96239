"""What pages make of one method or of many images, as jobs: each result is a folder, made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from interp.evaluation.evaluate import evaluate
from interp.evaluation.request import EvaluationRequest
from interp.request import Request
from interp.run import fit, run, survey
from interp.session import Session
from interp.storage.folder import MANIFEST
from interp_dashboard.choice.data import Data
from interp_dashboard.history import folder_name, learned_here, pixels_of
from interp_dashboard.job import Job, Work
from interp_dashboard.model import to_explain
from interp_dashboard.session import registry, session, setting


def explaining(request: Request, images: dict[str, np.ndarray]) -> Work:
    """One method on images by name, (H, W, 3) uint8."""
    words = f"{request.method} on {' '.join(images)}"
    return _once(
        session().runs(),
        words,
        request,
        partial(run, images=list(images.values()), names=list(images)),
        pixels_of(images),
    )


def surveying(request: Request, data: Data) -> Work:
    """What one method says of a model's classes, with these images as examples."""
    return _once(session().runs(), f"{request.method} of classes", request, survey, data)


def fitting(request: Request, data: Data) -> Work:
    """What one method learns of these images; one that was begun goes on.

    It is kept for everybody, unless the model is the visitor's own.
    """
    mine = Path(request.model).is_relative_to(session().folder)
    place = learned_here() if mine else setting().runs
    words = f"{request.method} of {Path(request.model).stem}"
    return _once(place, words, request, fit, data)


def evaluating(request: EvaluationRequest, data: Data) -> Work:
    """Methods by metrics over these images; one that was begun goes on."""
    words = f"{' '.join(each.name for each in request.methods)} on {Path(request.data).name}"
    return _once(session().runs(), words, request, evaluate, data)


def _once(
    place: Path,
    words: str,
    request: Request | EvaluationRequest,
    verb: Callable[..., Any],
    data: Data | str,
) -> Work:
    """Let `verb` write a folder named by all that is asked, unless it lies there whole.

    `data`: the images that it opens, or what tells those that it has from others.
    """
    known = registry()

    def work(job: Job) -> None:
        model = to_explain(known, request.model)
        how = {"dataset": data.open(known)} if isinstance(data, Data) else {}
        seen = [str(data), model.spec.fingerprint, *(each.fingerprint for each in how.values())]
        out = place / folder_name(words, request.model_dump_json(), *seen)
        if not (out / MANIFEST).is_file():
            verb(request, Session(known, model, job.tell, job.cancelled), out=out, **how)
        job.show(out)

    return work
