"""Metrics of networks whose filters belong to classes, and of their plain twins."""

from interp.metric import ModelMetric
from interp_csg.metric.localization import (
    ActivationLocalization,
    CamLocalization,
    GradientLocalization,
)
from interp_csg.metric.measure import (
    Accuracy,
    AdversarialDetection,
    ClassCorrelation,
    Density,
    FilterCorrelation,
    MutualInformation,
)

METRICS: dict[str, type[ModelMetric]] = {
    "csg-accuracy": Accuracy,
    "mutual-information": MutualInformation,
    "gate-density": Density,
    "filter-correlation": FilterCorrelation,
    "class-correlation": ClassCorrelation,
    "activation-localization": ActivationLocalization,
    "gradient-localization": GradientLocalization,
    "cam-localization": CamLocalization,
    "adversarial-detection": AdversarialDetection,
}
