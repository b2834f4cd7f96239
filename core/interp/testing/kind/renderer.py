"""Checks of renderers, on evidence of their kind."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from interp.errors import InterpError
from interp.evidence import Evidence, evidence_of
from interp.method import Renderer, Style
from interp.registry.manifest import RendererEntry
from interp.testing.conformance import MethodCase
from interp.testing.entry_case import EntryCase, EntryCheck, NothingToMeasure
from interp.testing.evidence_example import evidence_examples

IMAGE = np.full((48, 64, 3), 128, np.uint8)


def check_picture(case: EntryCase) -> str:
    """The picture is (h, w, 3) uint8, with an image and without one, and at another width."""
    said = []
    for evidence, image in _examples(case):
        for shown in (image, None):
            for style in (Style(), Style(width=120, scale=2.0, threshold=0.2)):
                picture = _renderer(case).render(evidence, shown, style)
                form = f"{getattr(picture, 'shape', type(picture))} {getattr(picture, 'dtype', '')}"
                fits = picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8
                assert fits, f"found {form}; expected (h, w, 3) uint8"
                assert picture.size, "the picture is empty"
        said.append(f"{picture.shape[1]} x {picture.shape[0]} pixels")
    return said[0]


def check_again(case: EntryCase) -> None:
    """The same evidence gives the same picture, and neither it nor the image is written to."""
    for evidence, image in _examples(case):
        given = np.array(image)
        before = {name: each.copy() for name, each in evidence.arrays().items()}
        first, second = (_renderer(case).render(evidence, given, Style()) for _ in range(2))
        assert np.array_equal(first, second), "drawn again, the picture is another one"
        assert np.array_equal(given, image), "the image was written to"
        kept = all(np.array_equal(each, before[name]) for name, each in evidence.arrays().items())
        assert kept, "the evidence was written to"


def check_saved(case: EntryCase) -> str:
    """Evidence of its kind is the same after it was saved and read."""
    for evidence, _ in _examples(case):
        evidence.check()
        plain = json.loads(json.dumps(evidence.plain()))
        again = evidence_of(evidence.kind, {**plain, **evidence.arrays()})
        assert again.plain() == plain, "what is no array is another value once read from JSON"
        for name, each in evidence.arrays().items():
            assert each.dtype.kind in "fiub", f"{name} holds {each.dtype}, which is not saved"
    return evidence.kind


CHECKS: dict[str, tuple[EntryCheck, ...]] = {"renderer": (check_picture, check_again, check_saved)}


def _renderer(case: EntryCase) -> Renderer:
    found: Renderer = case.subject() if isinstance(case.subject, type) else case.subject
    return found


def _examples(case: EntryCase) -> Iterator[tuple[Evidence, np.ndarray]]:
    """Evidence that it draws, with an image: of interp's own kinds, or by the package's methods.

    Raises NothingToMeasure where no method of the package gives such evidence.
    """
    entry = case.registry.entry("renderer", case.name)
    assert isinstance(entry, RendererEntry)
    known = evidence_examples(*IMAGE.shape[:2])
    if entry.evidence in known:
        yield known[entry.evidence], IMAGE
        return
    for method in case.registry.entries("method"):
        found = _given(case, method.name) if method.package == entry.package else ()
        for each, image in found:
            if each.kind == entry.evidence:
                yield each, image
                return
    raise NothingToMeasure(
        f"no method of {entry.package} gives evidence of kind {entry.evidence!r} on a small "
        "network; draw an example of yours in a test"
    )


def _given(case: EntryCase, method: str) -> list[tuple[Evidence, np.ndarray]]:
    """The evidence that a method gives on a small network, and the image."""
    tried = MethodCase(method, case.registry)
    try:
        return [(each, tried.picture()) for each in tried.explain().evidence]
    except InterpError:
        return []
