"""The frame around a picture: title, warning of a poor fit, notes; and the check of its kind."""

from collections.abc import Iterable
from typing import TypeVar

import numpy as np

from interp.errors import PluginError
from interp.evidence import NO_FIT, Evidence, fit_words, is_poor
from interp_standard.render.canvas import GAP, SMALL, SOFT, TITLE, Colour, column, pad, text

NARROWEST = 200
Kind = TypeVar("Kind", bound=Evidence)
AMBER: Colour = (255, 214, 102)


def page(evidence: Evidence, body: np.ndarray, notes: Iterable[str] = ()) -> np.ndarray:
    """`body` with the evidence's title above and notes below, at least NARROWEST pixels wide."""
    width = max(body.shape[1], NARROWEST)
    lines = [text(note, width, SMALL, SOFT) for note in [*_fit(evidence), *notes]]
    words = [column(lines, 2)] if lines else []
    return pad(column([*_header(evidence, width), body, *words]), GAP)


def of_kind(evidence: Evidence, kind: type[Kind]) -> Kind:
    """The evidence, typed as the kind that a renderer draws; PluginError for another kind."""
    if isinstance(evidence, kind):
        return evidence
    raise PluginError(
        f"found evidence {type(evidence).__name__}, expected {kind.__name__}; "
        f"register this renderer as {kind.kind!r}"
    )


def _header(evidence: Evidence, width: int) -> list[np.ndarray]:
    title = evidence.name if evidence.target is None else f"{evidence.name}: {evidence.target}"
    blocks = [text(title, width, TITLE)]
    if evidence.layer is not None:
        blocks.append(text(f"layer {evidence.layer}", width, SMALL, SOFT))
    if evidence.r2 is not None and is_poor(evidence.r2):
        poor = "" if evidence.r2 < NO_FIT else "poor fit: "
        warning = text(f"{poor}{fit_words(evidence.r2)}", width - 8, paper=AMBER)
        blocks.append(pad(warning, 4, AMBER))
    return blocks


def _fit(evidence: Evidence) -> list[str]:
    if evidence.r2 is None or is_poor(evidence.r2):
        return []
    return [fit_words(evidence.r2)]
