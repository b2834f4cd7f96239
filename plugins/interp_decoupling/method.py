"""Network Decoupling: for each image its own calculation path through the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from interp.explanation import Explanation, join
from interp.method import Method
from interp.params import Params
from interp.spec import Capability
from interp_decoupling.known import known_of
from interp_decoupling.params import DecouplingParams
from interp_decoupling.view import View

if TYPE_CHECKING:
    from interp.context import Context
    from interp.dataset import Dataset
    from interp.knowledge import Knowledge
    from interp.model import ModelAdapter
    from interp.target import Target


@dataclass(frozen=True)
class Decoupling(Method):
    """The filters that are on for an image: its calculation path.

    Learn. A controlling module at each convolution l reads the mean p of the input maps, and
    switches the n_l filters:

        a = W2 relu(W1 p + b1) + b2,    z = 1[a > 0]  (Improved SemHash while training)

    The maps after batch norm and ReLU, X, become z X. Starting from a trained network all is
    trained jointly on

        CE(f(x), y) + a sum_l KL(softmax(mean X_l) || softmax(z_l)) / n_l
                    + i sum_l CE(Q_l z_l, y)  +  s sum_l | mean |z_l|_1 - R n_l |

    The third term bounds the mutual information of codes and classes, the last drives the share
    of filters that are on to R. The short schedule adds d T^2 CE(softmax(f_0(x) / T),
    softmax(f(x) / T)), where f_0 is the plain network and T = 4 (ours).

    Explain. The codes of all layers are the image's path: what of it is unlike its class, what of
    its class is unlike the others, whose paths are nearest, and where its filters look.

    Y. Li et al.: Interpretable Neural Network Decoupling, ECCV 2020.

    Ours, where the public record is silent: which paths are compared with which and how, clusters
    of codes by k-means, a combination's concept, the counting of work, the warning of static
    gates, no gates at grouped convolutions and at one that answers the classes.
    """

    Params: ClassVar[type[Params]] = DecouplingParams
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT, Capability.ACTIVATIONS})

    params: DecouplingParams

    def fit(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Knowledge:
        """Train a copy of the model; the folder it is saved in opens as a model too."""
        from interp_decoupling.fit import fit

        return fit(model, dataset, self.params, context)

    def explain(
        self,
        model: ModelAdapter,
        images: Sequence[np.ndarray],
        targets: Sequence[Target],
        knowledge: Knowledge | None,
        context: Context,
    ) -> Explanation:
        """Each image's path, against its target's class and that class against the others."""
        known = known_of(model, knowledge)
        parts = []
        for at, image in enumerate(images):
            context.out_of_time()
            parts.append(View(model, image, at, known, self.params).tell(targets))
        return join(parts)

    def survey(
        self, model: ModelAdapter, dataset: Dataset, knowledge: Knowledge | None, context: Context
    ) -> Explanation:
        """The log, and on a data set: paths of classes, clusters, concepts, work and time."""
        from interp_decoupling.survey import survey

        return survey(model, dataset, known_of(model, knowledge), self.params, context)
