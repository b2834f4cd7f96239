"""A readout by a function of the user's own, named by `module:function`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from interp.errors import ModelError, first_line, users_code
from interp.network.outputs import outline
from interp.network.scores import check_scores, close
from interp.opening.python_object import named_object
from interp.readout import OutputDescription, RawOutput, Readout
from interp.spec import PROBABILITY, VALUE

if TYPE_CHECKING:
    from torch import Tensor

Function = Callable[[Any], "Tensor"]
"""Scores (N, K) of the raw output to N images, as the model gives it: a tensor, or a structure."""
ROWS = 1e-3
"""How far an image's scores in a batch may be from its own, relative to the largest."""
WORD = "score"
"""What scores without names are called, with their numbers."""


def own_readout(name: str) -> type[Readout]:
    """The readout that `module:name` names: a class, or a function that makes scores (N, K).

        def margin(output):  # here a dictionary of tensors
            return output["out"].flatten(2).amax(2)

    Scores of a function are values, unless the options state an activation; they are differentiable
    where the function is. It is trusted code, run as it is. Raises ModelError where
    the name is neither.
    """
    found = named_object(name, f"readout {name}")
    if isinstance(found, type) and issubclass(found, Readout):
        return found
    if isinstance(found, type) or not callable(found):
        kind = f"the class {found.__name__}" if isinstance(found, type) else type(found).__name__
        raise ModelError(
            f"readout {name} is {kind}; expected a function from the model's output to scores "
            "(N, K), or a subclass of interp.readout.Readout"
        )

    class FunctionReadout(Readout):
        def read(self, output: RawOutput) -> OutputDescription:
            return _describe(name, found, output)

    return FunctionReadout


def _describe(name: str, function: Function, output: RawOutput) -> OutputDescription:
    names, notes = output.names(_try(name, function, output).shape[1], word=WORD)
    activation = output.options.activation or "none"  # what is known is the raw output's
    unit = VALUE if activation == "none" else PROBABILITY
    return OutputDescription(activation, names, False, notes, function, unit)


def _try(name: str, function: Function, output: RawOutput) -> Tensor:
    """The scores (2, K) of the model's first answer. Raises ModelError for anything else."""
    answered = f"what {output.model} answers, {outline(output.value)}"
    with users_code(f"readout {name} fails on {answered}"):
        found = function(output.value)
    _check_kind(found, name)
    scores = check_scores(found, f"readout {name}")
    _check_rows(name, function, output.value, scores)
    return scores


def _check_kind(found: object, name: str) -> None:
    """Raise ModelError unless a function answered a tensor of real numbers, not empty."""
    import torch

    if not isinstance(found, torch.Tensor):
        kind = type(found).__name__
        raise ModelError(f"readout {name} answers {kind}; expected a tensor of scores (N, K)")
    if found.is_complex() or not found.numel():
        kind = "complex numbers" if found.is_complex() else f"an empty tensor {tuple(found.shape)}"
        raise ModelError(f"readout {name} answers {kind}; expected scores (N, K), K above 0")


def _check_rows(name: str, function: Function, value: Any, scores: Tensor) -> None:
    """Raise ModelError where an image's scores depend on the others of its batch."""
    import torch

    if not isinstance(value, torch.Tensor):
        return
    try:
        alone = torch.cat([function(each[None]).reshape(1, -1).float() for each in value])
    except Exception as error:  # the user's code: anything can happen
        raise ModelError(
            f"readout {name} fails on the answer to one image: {first_line(error)}"
        ) from error
    if alone.shape != scores.shape or not close(alone, scores, ROWS):
        raise ModelError(
            f"readout {name} makes scores of an image that depend on the others of its batch; "
            "expected each row of scores from the same row of the output"
        )
