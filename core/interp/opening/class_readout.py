"""The readout `classes`: one score for each class, or one output as a class and its opposite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from interp.errors import ModelError
from interp.network.scores import sum_to_one
from interp.opening.value_readout import ValueReadout
from interp.params import Params
from interp.readout import Activation, OutputDescription, RawOutput, Readout

if TYPE_CHECKING:
    from torch import Tensor

ASSUMED = "scores are read as one class among several; --activation sigmoid if not"


class ClassReadout(Readout):
    """Class scores (N, K); one output z is two classes with the scores z and -z.

    An activation that nobody states follows from the answers: rows that sum to 1 are probabilities,
    answers that all lie in [0, 1] are probabilities of classes that do not exclude each other, and
    others are logits: of one output a sigmoid's, of several softmax's. A probability p is
    two classes with the scores p and 1 - p.
    """

    reads_scores: ClassVar[bool] = True

    def read(self, output: RawOutput) -> OutputDescription:
        scores = output.scores()
        return _one(output) if scores.shape[1] == 1 else _several(output, scores)


def _several(output: RawOutput, scores: Tensor) -> OutputDescription:
    names, notes = output.names(scores.shape[1])
    activation = output.activation
    normalised = sum_to_one(scores)
    bounded = not normalised and activation in (None, "none") and output.bounded()
    if activation is not None:
        return OutputDescription(activation, names, normalised or bounded, notes)
    if normalised:
        said = "the model answers probabilities; no activation is applied"
    elif bounded:
        said = (
            "answers lie in [0, 1] and do not sum to 1: taken as they are, one probability for "
            "each class; --activation sigmoid or softmax if they are logits"
        )
    else:
        return OutputDescription("softmax", names, False, [ASSUMED, *notes])
    return OutputDescription("none", names, True, [said, *notes])


def _one(output: RawOutput) -> OutputDescription:
    if output.options.activation == "softmax":
        raise ModelError(
            f"{output.model} answers one score, of which softmax would always make 1; choose "
            "--activation sigmoid or none, or --readout value"
        )
    stated: Activation | None = None if output.activation == "softmax" else output.activation
    bounded = stated != "sigmoid" and output.bounded()
    if stated == "none" and not bounded:
        return _beyond(output)
    names, notes = output.names(1, also=(2,))
    first, ordered = _named(names)
    if bounded:
        said = f"one output, in [0, 1]: read as the probability of {first!r}, taken as it is"
    else:
        said = f"one output: read as a logit, the sigmoid of which is the probability of {first!r}"
    other = "" if stated else f"; --activation {'sigmoid' if bounded else 'none'} if not"
    assumed = stated is None or ordered
    return OutputDescription(
        "none" if bounded else "sigmoid",
        names if len(names) == 2 else (first, opposite(first)),
        bounded,
        [f"{said}{other}"] * assumed + notes,
        _pair(bounded, ordered),
    )


def opposite(name: str) -> str:
    """The name of the class that is left where an image is not of the class `name`."""
    return f"not {name}"


def _named(names: tuple[str, ...]) -> tuple[str, bool]:
    """The class that a high output stands for, and whether it is the second of two.

    Two names are those of the labels 0 and 1, unless the second is the opposite of the first.
    """
    ordered = len(names) == 2 and names[1] != opposite(names[0])
    return names[1 if ordered else 0], ordered


def _pair(bounded: bool, ordered: bool) -> Callable[[Tensor], Tensor]:
    """Both classes' scores (N, 2) of one output (N, 1), (N,) or (), the high class's first.

    `ordered`: the high class's second.
    """

    def scores(output: Tensor) -> Tensor:
        import torch

        high = output.reshape(-1, 1)
        low = 1 - high if bounded else -high
        return torch.cat([low, high] if ordered else [high, low], 1)

    return scores


def _beyond(output: RawOutput) -> OutputDescription:
    """One output beyond [0, 1] that nothing turns into a probability."""
    found = ValueReadout(Params()).read(output)
    said = "one output beyond [0, 1], without an activation: read as a value"
    return replace(found, notes=[said, *found.notes])
