"""Metrics of explanations: against the model's own answers, and against the image's truth."""

from interp.metric import ExplanationMetric
from interp_standard.metric.faithfulness import Infidelity, SensitivityN
from interp_standard.metric.localization import EnergyMask, EnergyParts, Localized, Pointing
from interp_standard.metric.removal import Deletion, Insertion
from interp_standard.metric.road import Road
from interp_standard.metric.sanity import Randomization, Stability

METRICS: dict[str, type[ExplanationMetric]] = {
    "deletion": Deletion,
    "insertion": Insertion,
    "road": Road,
    "sensitivity-n": SensitivityN,
    "infidelity": Infidelity,
    "pointing": Pointing,
    "localization": Localized,
    "energy-mask": EnergyMask,
    "energy-parts": EnergyParts,
    "randomization": Randomization,
    "stability": Stability,
}
