"""Feature visualization, by free Fourier coefficients and by phases alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from interp.context import Context
from interp.dataset import Dataset
from interp.explanation import Explanation, join
from interp.knowledge import Knowledge
from interp.method import Method
from interp.model import ModelAdapter
from interp.params import Params
from interp.spec import Capability
from interp.target import Target
from interp_dream.image_statistics import Statistics
from interp_dream.objectives import channel_objectives
from interp_dream.optimise import Dreamer, generator
from interp_dream.params import DreamParams, MacoParams
from interp_dream.picture import FourierPicture, PhasePicture, Picture
from interp_dream.probe import Probe
from interp_dream.real_images import noise
from interp_dream.survey import survey
from interp_dream.view import DreamView, Learned

STATED = (
    "pictures have the colours and the spectrum of natural images, for no data were given; with "
    "interp survey they have those of the data"
)


@dataclass(frozen=True)
class FeatureVisualization(Method):
    """Pictures x that excite a channel, a neuron or a class most: argmax_x mean_T f(T(x)).

    f is the channel's mean over the grid, its value at one cell, or the class's logit; T are random
    parts, rotations, shifts and noise. Subclasses say what x is a function of.
    """

    kind: ClassVar[type[Picture]]
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.PREDICT, Capability.GRADIENTS, Capability.MODULE}
    )

    params: DreamParams

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """Pictures of each target and of the channels that matter most to it on each image."""
        probe = Probe.at(model, self.params.layer, self.params.cell)
        channel_objectives(probe, self.params.channels)  # none that the layer lacks
        spec = model.spec.input
        natural = Statistics.natural(spec, self.params.decay, model.to_device(np.zeros(1, "f4")))
        dreamer = Dreamer(probe, natural, self.kind, self.params, context)
        dreamer.total = self.params.most_pictures(len(targets), len(images))
        learned = Learned(dreamer, noise(probe, generator(context.seed, "noise")))
        parts = []
        for index, image in enumerate(images):
            context.out_of_time()
            view = DreamView(probe.model, image, index, learned, self.params, len(images))
            found = view.to_explanation(targets)
            named = [each.name for each in targets]
            parts.append(found.on_image(index, named) if len(images) > 1 else found)
        found = join(parts)
        notes = (STATED, *dreamer.notes(), *found.notes)
        return replace(found, notes=notes, samples=dreamer.taken)

    def survey(
        self, model: ModelAdapter, dataset: Dataset, knowledge: Knowledge | None, context: Context
    ) -> Explanation:
        """Pictures of channels and classes, beside the images of the data that excite them most."""
        return survey(model, dataset, self.kind, self.params, context)


@dataclass(frozen=True)
class Dream(FeatureVisualization):
    """Activation maximization: the picture that excites a channel, a neuron or a class most.

    The picture is `x = sigmoid(logit(m) + 4 M F^-1[z / |f|^decay])`: m is the mean colour, `M M^T`
    the covariance of colours, F the unitary Fourier transform, `|f|` the frequency in cycles per
    pixel. The coefficients z begin as small noise, and Adam raises the mean score of copies of x
    that are cut out, turned and shifted at random. The score is the channel's mean over the grid,
    its value at one cell (a neuron), or the class's logit.

    C. Olah, A. Mordvintsev, L. Schubert: Feature Visualization, Distill 2017, after D. Erhan,
    Y. Bengio, A. Courville, P. Vincent: Visualizing Higher-Layer Features of a Deep Network, 2009.

    Ours: colours are those of the data, where there are any; every picture is found by itself,
    with the same random numbers; scores stand beside those of real images, noise and a random
    direction; a channel matters to a target on an image by `sum_ij A(i, j) d score / d A(i, j)`.
    """

    Params: ClassVar[type[Params]] = DreamParams
    kind: ClassVar[type[Picture]] = FourierPicture


@dataclass(frozen=True)
class Maco(FeatureVisualization):
    """MaCo: the same with a fixed spectrum, so that the picture stays near real images.

    The picture is `x = m + M F^-1[r exp(i phi)]`, cut to [0, 1], with m, M and F as in Dream, and
    r the mean magnitude of the spectra of images; only the phases phi move. A pixel matters by the
    mean of `|d score / d x|` over all steps; the picture is shown a second time, faded by it.

    T. Fel, T. Boissin, V. Boutin et al.: Unlocking Feature Visualization for Deeper Networks with
    MAgnitude Constrained Optimization, NeurIPS 2023.

    Ours: pixels are cut to [0, 1], for a sigmoid would change the spectrum; in the columns of the
    half spectrum that hold both frequencies of a pair, phases are made those of a real image; the
    mean colour is kept; transformations are Dream's without rotation, with some noise: crops of a
    quarter show too little to networks of small images; r is `1 / |f|^decay` where there are no
    data.
    """

    Params: ClassVar[type[Params]] = MacoParams
    kind: ClassVar[type[Picture]] = PhasePicture
