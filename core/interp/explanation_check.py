"""Whether what a method returned can be drawn and saved; if not, whose fault it is and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from interp.errors import InputError, PluginError, blamed
from interp.evidence import Evidence
from interp.explanation import Explanation
from interp.knowledge import Knowledge

NUMBERS = "biuf"
"""Kinds of NumPy arrays that results hold: truth values, whole and floating-point numbers."""
PLAIN = (str, int, float, bool, type(None))


def check_explanation(found: object, method: str, images: Sequence[np.ndarray] = ()) -> Explanation:
    """What a method returned of these images (H, W, 3); PluginError where it cannot be used."""
    if not isinstance(found, Explanation):
        raise PluginError(
            f"{method} returned {_article(found)}; expected an interp.explanation.Explanation"
        )
    try:
        with blamed(method):
            _check_parts(found)
            for each in found.evidence:
                _check_fields(each)
                each.check()
                _check_place(each, [image.shape[:2] for image in images])
    except InputError as error:
        raise PluginError(f"{method} returned evidence that cannot be used: {error}") from error
    return found


def check_knowledge(found: object, method: str) -> None:
    """Raise PluginError unless a method's `fit` or `merge` returned knowledge."""
    if not isinstance(found, Knowledge):
        raise PluginError(
            f"{method} returned {_article(found)}; expected an interp.knowledge.Knowledge"
        )


def _check_parts(found: Explanation) -> None:
    """Raise InputError unless the explanation's parts are of the types that they say."""
    for name, value, kind in (
        ("evidence", found.evidence, Evidence),
        ("notes", found.notes, str),
    ):
        listed = value if isinstance(value, (tuple, list)) else [value]
        wrong = next((each for each in listed if not isinstance(each, kind)), None)
        if wrong is not None or not isinstance(value, (tuple, list)):
            found_words = _article(value if wrong is None else wrong)
            raise InputError(f"{name} holds {found_words}; expected a tuple of {kind.__name__}")
    _check_plain("scores", found.scores)


def _check_fields(evidence: Evidence) -> None:
    """Raise InputError unless every field is an array of numbers or plain."""
    about = f"{evidence.kind} {evidence.name!r}"
    for name, value in evidence.arrays().items():
        if value.dtype.kind not in NUMBERS:
            raise InputError(f"{about}: {name} is an array of {value.dtype}; expected numbers")
    for name, value in evidence.plain().items():
        _check_plain(f"{about}: {name}", value)


def _check_plain(where: str, value: Any) -> None:
    """Raise InputError for values, also inside lists and mappings, that no file can hold."""
    if isinstance(value, dict):
        for key, each in value.items():
            _check_plain(f"{where}.{key}", each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            _check_plain(where, each)
    elif not isinstance(value, PLAIN):
        raise InputError(
            f"{where} is {_article(value)}; expected a numpy.ndarray, or plain Python values"
        )


def _check_place(evidence: Evidence, sizes: Sequence[tuple[int, ...]]) -> None:
    """Raise InputError unless it is of an image's size; of no single image, of any one's."""
    at = evidence.image
    if at is not None and not 0 <= at < len(sizes):
        raise InputError(
            f"{evidence.kind} {evidence.name!r} is about image {at} of {len(sizes)}; "
            "expected a number from 0"
        )
    extent = evidence.extent() if sizes else None
    wanted = sizes if at is None else [sizes[at]]
    if extent is not None and tuple(extent) not in wanted:
        raise InputError(
            f"{evidence.kind} {evidence.name!r} is {_size(extent)}; expected the image's "
            f"{_size(wanted[0])}, as placement.to_image gives it"
        )


def _size(sides: Iterable[int]) -> str:
    return " x ".join(map(str, sides))


def _article(value: object) -> str:
    """`None`, or `a torch.Tensor`."""
    kind = type(value)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return "None" if value is None else f"a {module}{kind.__qualname__}"
