"""Methods that cannot explain a model, whatever is asked: found out by trying, once for a model."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from threading import Thread

import numpy as np

from interp.context import Budget
from interp.errors import InterpError, UnsupportedError
from interp.registry.manifest import MethodEntry
from interp.request import Request
from interp.run import run
from interp.session import Session
from interp.spec import Capability
from interp_dashboard.cache import LruCache
from interp_dashboard.job import Job
from interp_dashboard.model import ModelCard, job_model
from interp_dashboard.pool import pool
from interp_dashboard.session import is_own, registry, setting

FEW = Budget(samples=20, seconds=2)
KNOWN = LruCache(50)
"""Refusals by a model's fingerprint, each a dictionary that is filled once they are known."""


@dataclass(frozen=True)
class Try:
    """Task: explain an image (H, W, 3) uint8 by each of these methods with few samples."""

    source: str
    image: np.ndarray
    methods: tuple[str, ...]

    def __call__(self, job: Job) -> dict[str, str]:
        """Method -> why it cannot explain the model; others are left out."""
        found = {}
        session = Session(registry(), job_model(self.source), cancelled=job.cancelled)
        for name in self.methods:
            request = Request(method=name, model=self.source, images=("image",), budget=FEW)
            try:
                run(request, session, images=[self.image])
            except UnsupportedError as error:
                found[name] = str(error)
            except InterpError:
                continue  # it may do with another image, target or parameter
        return found


def refusals(source: str, image: np.ndarray, model: ModelCard) -> dict[str, str]:
    """Method -> why it can only fail on the model, as far as is known; the rest is found behind."""
    found = {
        each.name: f"needs {', '.join(missing)}, which this model does not offer"
        for each in _methods()
        if (missing := sorted(_needs(each) - model.capabilities))
    }
    suspect = tuple(e.name for e in _methods() if _is_special(e, source) and e.name not in found)
    if suspect and (setting().workers or is_own(source)):
        task, own = Try(source, image, suspect), is_own(source)
        found |= KNOWN.get(model.spec.fingerprint, lambda: _found_behind(task, own))
    return found


def _found_behind(task: Try, own: bool) -> dict[str, str]:
    """A dictionary that is filled once the task is done."""
    found: dict[str, str] = {}

    def fill() -> None:
        with suppress(InterpError, OSError):
            found.update(pool().do(task, Job(lambda _: None), own))

    Thread(target=fill, daemon=True).start()
    return found


def _methods() -> list[MethodEntry]:
    return [each for each in registry().entries("method") if isinstance(each, MethodEntry)]


def _is_special(entry: MethodEntry, source: str) -> bool:
    """Whether a method is made for networks of one kind, of which the model may be none."""
    return entry.network != "any" or entry.model not in (None, source)


def _needs(entry: MethodEntry) -> set[Capability]:
    """What a method needs; nothing is known of one whose package fails, which the page tells."""
    try:
        return set(registry().complete(entry).needs or ())
    except InterpError:
        return set()
