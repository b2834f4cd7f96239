"""Pictures of a model's channels and classes, beside the data's best images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from interp.context import Context
from interp.dataset import Dataset
from interp.evidence import Evidence
from interp.explanation import Explanation
from interp.model import ModelAdapter
from interp.target import parse_target
from interp_dream.evidence import Comparison, gallery, table
from interp_dream.objectives import channel_objectives, class_objectives, random_objective
from interp_dream.optimise import Dreamer, generator
from interp_dream.params import DreamParams
from interp_dream.picture import Picture
from interp_dream.probe import Objective, Of, Probe
from interp_dream.real_images import RealImages, noise


def survey(
    model: ModelAdapter,
    dataset: Dataset,
    kind: type[Picture],
    params: DreamParams,
    context: Context,
) -> Explanation:
    """A gallery and a table of the layer's channels, and of the classes."""
    probe = Probe.at(model, params.layer, params.cell)
    wanted = dict(_fixed(probe, params, context.seed))  # what is asked for is checked first
    real = RealImages.read(probe, dataset, params, context)
    if "channels" in wanted and not params.channels:
        wanted["channels"][:0] = channel_objectives(probe, real.varied(params.shown))
    total = sum(map(len, wanted.values()))
    dreamer = Dreamer(probe, real.statistics, kind, params, context, total)
    shown = Survey(dreamer, real, noise(probe, generator(context.seed, "noise")))
    compared = {of: [shown.compare(each) for each in listed] for of, listed in wanted.items()}
    evidence = [found for of, each in compared.items() for found in shown.evidence(of, each)]
    weak = [note for listed in compared.values() for each in listed for note in each.notes()]
    notes = (*real.notes, *dreamer.notes(), *weak)
    return Explanation(tuple(evidence), samples=dreamer.taken, notes=notes)


def _fixed(probe: Probe, params: DreamParams, seed: int) -> Iterator[tuple[Of, list[Objective]]]:
    """The objectives that do not depend on the data."""
    classes = probe.model.spec.classes
    if params.of != "classes":
        control = [random_objective("channels", probe.layer.channels, seed)] * params.control
        yield "channels", channel_objectives(probe, params.channels) + control
    if params.of != "channels" and classes:
        named = params.classes or range(min(params.shown, len(classes)))
        targets = [parse_target(each, classes) for each in named]
        control = [random_objective("classes", len(classes), seed)] * params.control
        yield "classes", class_objectives(targets, len(classes)) + control


@dataclass(frozen=True, eq=False)
class Survey:
    """Turns objectives into pictures, and these into evidence beside the real images."""

    dreamer: Dreamer
    real: RealImages
    noise: dict[Of, np.ndarray]

    def evidence(self, of: Of, compared: list[Comparison]) -> Iterator[Evidence]:
        """The pictures of a layer's channels, or of classes, and what they reach."""
        model, layer = self.dreamer.probe.model, self.dreamer.probe.layer.name
        name, at = (layer, layer) if of == "channels" else ("classes", None)
        transparent = self.dreamer.params.transparent
        yield gallery(model, compared, transparent, name=f"pictures {name}", layer=at)
        yield table(compared, name=f"scores {name}", layer=at)

    def compare(self, objective: Objective) -> Comparison:
        """An objective's picture beside the real images."""
        return Comparison(
            self.dreamer.dream(objective),
            self.real.best(objective),
            self.real.scores(objective),
            float((self.noise[objective.of] @ objective.direction).mean()),
        )
