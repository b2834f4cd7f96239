"""Measures of decoupled networks."""

from interp.metric import ModelMetric
from interp_decoupling.metric.measure import PathDetection, PathDiversity, PathWork

METRICS: dict[str, type[ModelMetric]] = {
    "path-diversity": PathDiversity,
    "path-work": PathWork,
    "path-detection": PathDetection,
}
