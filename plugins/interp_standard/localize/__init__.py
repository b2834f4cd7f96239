"""Localization: how well a map finds the object, next to a centred Gaussian that sees nothing."""

from interp.evaluation.bootstrap import compare, estimate
from interp_standard.localize.box import components, iou, largest_box
from interp_standard.localize.centre import centre
from interp_standard.localize.protocol import Localization
from interp_standard.localize.region import energy, inside, pointing
from interp_standard.localize.report import Row, rows
from interp_standard.localize.score import Score, Truth
from interp_standard.localize.sweep import SHARES, sweep, tune

__all__ = [
    "SHARES",
    "Localization",
    "Row",
    "Score",
    "Truth",
    "centre",
    "compare",
    "components",
    "energy",
    "estimate",
    "inside",
    "iou",
    "largest_box",
    "pointing",
    "rows",
    "sweep",
    "tune",
]
