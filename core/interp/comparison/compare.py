"""Comparing methods on the same images, in memory or into a resumable folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from interp.comparison.comparison_run import (
    ComparisonRun,
    ExplainPiece,
    OnImage,
    OnSaved,
    no_callback,
)
from interp.comparison.result import Comparison, ComparisonRequest
from interp.dataset import TolerantReader, for_channels
from interp.errors import InputError, PluginError, about
from interp.network.plain_tensors import plain_tensors
from interp.opening.images import open_images
from interp.opening.named import open_method
from interp.registry import Registry
from interp.registry.hook import call_before
from interp.request import Choice
from interp.session import Session
from interp.storage.resumable import check_resumable
from interp.target import parse_target


@plain_tensors(recorded=True)
def compare(
    request: ComparisonRequest,
    session: Session | None = None,
    *,
    images: Sequence[Any] | None = None,
    names: Sequence[str] | None = None,
    out: str | Path | None = None,
    on_image: OnImage = no_callback,
    on_saved: OnSaved = no_callback,
) -> Comparison:
    """Explain each image by every method; with `out`, save a folder with a bundle for each.

    `images`, as read_image takes them, with their `names`, take the place of the request's. A
    stopped comparison is resumed by the same request with the same `out`, which one process at a
    time may write. Mistakes that concern all methods (a name, an image, a class) are raised before
    any work; the failure of one method is recorded in its own cell. `on_image` is called with an
    image's results so far after each method; methods without samples come first, because they are
    fast. `on_saved` is called once the folder is whole.
    """
    if out is not None:
        check_resumable(Path(out))
    session = session or Session()
    session = session if out is None else session.steady()
    opened = _open(request, session, images, names)
    told = call_before(session.registry, "interp_before_compare", request=request)
    comparison = replace(opened, on_image=on_image, on_saved=on_saved, told=told)
    if out is None:
        return comparison.in_memory()
    return comparison.into(Path(out), partial(_reopened, request, Path(out), session.reopen()))


def _open(
    request: ComparisonRequest,
    session: Session,
    images: Sequence[Any] | None = None,
    names: Sequence[str] | None = None,
) -> ComparisonRun:
    """Everything that the request names, opened and checked before any work."""
    _check_methods(session.registry, request.methods)
    dataset = open_images(session.registry, names or request.images, request.data, images)
    model = session.open_model(request.model, request.options)
    dataset = for_channels(dataset, model.spec.input.channels)
    with about(f"model {model.spec.name}"):
        for text in () if model.focuses else request.targets:
            parse_target(text, model.spec.classes)
    return ComparisonRun(request, session, model, TolerantReader(dataset))


def _reopened(
    request: ComparisonRequest, out: Path, session: Callable[[], Session]
) -> ExplainPiece:
    """The same comparison in another process, which fills the same folder."""
    comparison = _open(request, session())
    folder = comparison.folder(out)
    folder.join()
    return lambda piece: list(comparison.explain(folder, piece))


def _check_methods(registry: Registry, choices: Sequence[Choice]) -> None:
    """Raise for a mistake of the user's; a package that fails is recorded in its cell later."""
    if not choices:
        raise InputError("no method to compare; name some, e.g. --plugins mint,gradcam")
    for choice in choices:
        registry.entry("method", choice.name)
        try:
            open_method(registry, choice.name, choice.params)
        except PluginError:
            continue
    names = [each.name for each in choices]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"{twice[0]} is named twice; name each method once")
