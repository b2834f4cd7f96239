"""Metrics of explanations: against the model's own answers, and against the image's truth."""

from interp.metric import ExplanationMetric
from interp_standard.metric.deletion import Deletion
from interp_standard.metric.energy import EnergyMask, EnergyParts
from interp_standard.metric.infidelity import Infidelity
from interp_standard.metric.insertion import Insertion
from interp_standard.metric.localization import Localized
from interp_standard.metric.pointing import Pointing
from interp_standard.metric.randomization import Randomization
from interp_standard.metric.road import Road
from interp_standard.metric.sensitivity import SensitivityN
from interp_standard.metric.stability import Stability

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
