"""Keeps what a method does to the model and the process from reaching the next one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, get_ident
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.errors import InterpError
from interp.model import ModelAdapter
from interp.network.module_state import Change, ModuleState
from interp.network.weight_state import Originals
from interp.spec import Capability

if TYPE_CHECKING:
    from torch import nn

LEFT = "left changed"
"""In every note and error that says what a method left changed."""
_watched: dict[int, list[Watch]] = {}
"""The watches on each module, by its id; with several, one cannot tell whose a change is."""
_LOCK = Lock()


@dataclass(eq=False)
class Watch:
    """A block in which code may change the model or the process; afterwards what was changed."""

    changes: list[Change] = field(default_factory=list)
    thread: int = field(default_factory=get_ident)
    alone: bool = True

    def compare_images(self, before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> None:
        """Note where a method wrote into the copy of an image that it was given."""
        if not all(map(np.array_equal, before, after)):
            self.changes.append(Change("the image"))

    @property
    def words(self) -> str:
        """What was changed, and whether that was put back; empty where nothing was."""
        told = []
        for undone, end in ((True, "put back"), (False, "not put back: open the model again")):
            found = [each.words for each in self.changes if each.undone is undone]
            told += [f"{', '.join(found)} ({end})"] if found else []
        return f"{LEFT}: {'; '.join(told)}" if told else ""


@contextmanager
def watched(
    model: ModelAdapter, originals: Originals | None = None, whole: bool = False
) -> Iterator[Watch]:
    """Put back what the block changes in the model's module, PyTorch's modes and the directory.

    The watch says what that was once the block has ended; an error of interp that leaves the block
    says so too. Weights that were written can only be put back from `originals`; `whole` compares
    all their values. Where another thread explains the same module, that is not compared.
    """
    watch, process, trained = Watch(), ProcessState.of(), model.training
    with model.evaluating(), _entered(_module(model), watch) as module:
        state = None if module is None else ModuleState.of(module, originals, trained, whole)
        try:
            yield watch
        except InterpError as error:
            watch.changes += _restored(process, state, watch)
            if watch.changes:
                error.args = (f"{error}; it {watch.words}",)
            raise
        except BaseException:
            _restored(process, state, watch)
            raise
        watch.changes += _restored(process, state, watch)


def _module(model: ModelAdapter) -> nn.Module | None:
    """The model's module, where it shows one."""
    return model.module() if Capability.MODULE in model.capabilities else None


@contextmanager
def _entered(module: nn.Module | None, watch: Watch) -> Iterator[nn.Module | None]:
    """The module, with the watch counted among those on it."""
    with _LOCK:
        others = _watched.setdefault(id(module), [])
        others.append(watch)
        if len({each.thread for each in others}) > 1:
            for each in others:
                each.alone = False
    try:
        yield module
    finally:
        with _LOCK:
            others.remove(watch)
            if not others:
                del _watched[id(module)]


def _restored(process: ProcessState, state: ModuleState | None, watch: Watch) -> list[Change]:
    found = [*process.restore()]
    return found if state is None or not watch.alone else [*found, *state.restore()]


@dataclass(frozen=True)
class ProcessState:
    """The process at one moment: its working directory, NumPy's and PyTorch's modes."""

    directory: str | None
    numpy_errors: dict[str, Any]
    gradients: bool | None
    dtype: Any

    @classmethod
    def of(cls) -> ProcessState:
        """The state now; what PyTorch does is unknown before it is imported."""
        torch = sys.modules.get("torch")
        return cls(
            _directory(),
            dict(np.geterr()),
            None if torch is None else torch.is_grad_enabled(),
            None if torch is None else torch.get_default_dtype(),
        )

    def restore(self) -> Iterator[Change]:
        """Put back what has changed since, and say what that was."""
        if self.directory is not None and _directory() != self.directory:
            with suppress(OSError):
                os.chdir(self.directory)
            yield Change("the working directory", _directory() == self.directory)
        if np.geterr() != self.numpy_errors:
            np.seterr(**self.numpy_errors)
            yield Change("numpy.seterr")
        torch = sys.modules.get("torch")
        if torch is None:
            return
        if torch.is_grad_enabled() != (self.gradients is not False):
            torch.set_grad_enabled(self.gradients is not False)
            yield Change("torch.set_grad_enabled")
        if self.dtype is not None and torch.get_default_dtype() != self.dtype:
            torch.set_default_dtype(self.dtype)
            yield Change("torch.set_default_dtype")


def copies(model: ModelAdapter, most: int) -> Originals | None:
    """Copies of the model's weights, of at most `most` bytes; None where it shows no weights.

    Also of a model that the program may be training: those are no method's changes.
    """
    if model.training:
        return None
    module = _module(model)
    return None if module is None else Originals.of(module, most)


def _directory() -> str | None:
    try:
        return str(Path.cwd())
    except OSError:
        return None


def read_only(image: np.ndarray) -> np.ndarray:
    """A copy of an image that refuses to be written."""
    copied = image.copy()
    copied.setflags(write=False)
    return copied
