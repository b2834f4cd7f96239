"""Metrics of explainer networks and of the networks they explain."""

from interp.metric import ModelMetric
from interp_explainer.metric.part import PartInstability, PartOverlap
from interp_explainer.metric.rebuilding import PartShare, RebuildingError, RebuiltAccuracy

METRICS: dict[str, type[ModelMetric]] = {
    "part-instability": PartInstability,
    "part-overlap": PartOverlap,
    "rebuilding-error": RebuildingError,
    "rebuilt-accuracy": RebuiltAccuracy,
    "part-share": PartShare,
}
