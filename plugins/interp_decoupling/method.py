"""Network Decoupling: for each image its own calculation path through the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from interp.context import Context
from interp.dataset import Dataset
from interp.explanation import Explanation
from interp.knowledge import Knowledge
from interp.method import FittedMethod
from interp.model import ModelAdapter
from interp.spec import Capability
from interp_decoupling.knowledge import DecouplingKnowledge
from interp_decoupling.params import DecouplingParams
from interp_decoupling.view import View


@dataclass(frozen=True)
class Decoupling(FittedMethod):
    """The filters that are on for an image: its calculation path.

    Learn. A controlling module at each convolution l reads the mean p of the input maps, and
    switches the `n_l` filters:

        a = W2 relu(W1 p + b1) + b2,    z = 1[a > 0]  (Improved SemHash while training)

    The maps after batch norm and ReLU, X, become z X. Starting from a trained network all is
    trained jointly on

        CE(f(x), y) + a sum_l KL(softmax(mean X_l) || softmax(z_l)) / n_l
                    + i sum_l CE(Q_l z_l, y)  +  s sum_l | mean |z_l|_1 - R n_l |

    The third term bounds the mutual information of codes and classes, the last drives the share of
    filters that are on to R. The short schedule adds `d T^2 CE(softmax(f_0(x) / T), softmax(f(x) /
    T))`, where `f_0` is the plain network and `T = 4` (ours).

    Explain. The codes of all layers are the image's path: what of it is unlike its class, what of
    its class is unlike the others, which images have the nearest paths, and where its filters look.

    Y. Li et al.: Interpretable Neural Network Decoupling, ECCV 2020.

    Ours, where the public record is silent: which paths are compared with which and how, clusters
    of codes by k-means, a combination's concept, the counting of work, the warning of static
    gates, no gates at grouped convolutions and at one that answers the classes.
    """

    Params = DecouplingParams
    View = View
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PREDICT, Capability.ACTIVATIONS})

    params: DecouplingParams

    def fit(self, model: ModelAdapter, dataset: Dataset, context: Context) -> Knowledge:
        """Train a copy of the model; the folder it is saved in opens as a model too."""
        from interp_decoupling.fit import fit

        return fit(model, dataset, self.params, context)

    def learned(self, model: ModelAdapter, knowledge: Knowledge | None) -> DecouplingKnowledge:
        """Reference paths and work of a model that was trained with controlling modules."""
        return DecouplingKnowledge.of(model, knowledge)

    def survey(
        self, model: ModelAdapter, dataset: Dataset, knowledge: Knowledge | None, context: Context
    ) -> Explanation:
        """The log, and on a data set: paths of classes, clusters, concepts, work and time."""
        from interp_decoupling.survey import survey

        return survey(model, dataset, self.learned(model, knowledge), self.params, context)
