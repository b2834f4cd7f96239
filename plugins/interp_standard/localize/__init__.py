"""Localization: how well a map finds the object, compared with a centred Gaussian."""

from interp.evaluation.bootstrap import compare, estimate
from interp_standard.baseline import centred_gaussian
from interp_standard.localize.box import components, iou, largest_box
from interp_standard.localize.region import energy, inside, pointing
from interp_standard.localize.report import Localization, Row, rows
from interp_standard.localize.score import SHARES, Score, Truth, sweep, tune

__all__ = [
    "SHARES",
    "Localization",
    "Row",
    "Score",
    "Truth",
    "centred_gaussian",
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
