"""A readout by a function of the user's own, named by `module:function`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from interp.errors import InterpError, ModelError, first_line
from interp.network.outputs import outline
from interp.network.scores import check_scores
from interp.opening.python_object import named_object
from interp.readout import OutputDescription, RawOutput, Readout
from interp.spec import PROBABILITY, VALUE

WORD = "score"
"""What scores without names are called, with their numbers."""


class FunctionReadout(Readout):
    """Scores (N, K) that a `function` makes of the raw output to N images, as the model gives it.

        def margin(output):  # a dictionary of tensors, say
            return output["out"].flatten(2).amax(2)

    They are values without activation, unless --activation names one; differentiable where the
    function is.
    """

    name: ClassVar[str]
    function: ClassVar[Callable[[Any], Any]]

    def read(self, output: RawOutput) -> OutputDescription:
        names, notes = output.names(self._try(output).shape[1], word=WORD)
        activation = output.activation or "none"
        unit = VALUE if activation == "none" else PROBABILITY
        return OutputDescription(activation, names, False, notes, self.function, unit)

    def _try(self, output: RawOutput) -> Any:
        """The scores (2, K) of the model's first answer. Raises ModelError for anything else."""
        try:
            found = self.function(output.value)
        except InterpError:
            raise
        except Exception as error:  # the user's code: anything can happen
            raise ModelError(
                f"readout {self.name} fails on what {output.model} answers, "
                f"{outline(output.value)}: {type(error).__name__}: {first_line(error)}"
            ) from error
        return check_scores(found, f"readout {self.name}")


def own_readout(name: str) -> type[Readout]:
    """The readout that `module:name` names: a class, or a function that makes scores.

    It is trusted code, run as it is. Raises ModelError where it is neither.
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
    return type("OwnReadout", (FunctionReadout,), {"name": name, "function": staticmethod(found)})
