"""The first linear layer of a program, with what comes before and after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from interp.network.fold import Fold
from interp_onnx.autograd.program import Program, Step


def find_fold(program: Program) -> Fold | None:
    """The program around its first linear layer, where one chain of steps leads to it."""
    end, at = program.inputs[0], _only_reader(program, program.inputs[0])
    while at is not None and program.steps[at].node.kind not in ("Gemm", "MatMul"):
        end = program.steps[at].made[0]
        at = _only_reader(program, end)
    if at is None or end != program.steps[at].given[0]:
        return None
    weights = _weights(program.steps[at], program.constants)
    first = program.steps[:at]
    if weights is None or _reads(program.steps[at + 1 :], first) - {end}:
        return None
    before = replace(program, outputs=(end,), steps=first)
    after = replace(
        program,
        inputs=(program.steps[at].made[0], *program.inputs[1:]),
        steps=program.steps[at + 1 :],
        last_use={name: last - at - 1 for name, last in program.last_use.items()},
    )
    return Fold(lambda *given: before(*given)[0], *weights, lambda *given: after(*given)[0])


def _only_reader(program: Program, name: str) -> int | None:
    """The one step that reads a value; None where it is an output, or several steps read it."""
    found = [at for at, step in enumerate(program.steps) if name in step.given]
    return found[0] if len(found) == 1 and name not in program.outputs else None


def _reads(steps: Sequence[Step], earlier: Sequence[Step]) -> set[str]:
    """What some steps read of what earlier ones made."""
    return {name for step in steps for name in step.given} & {
        name for step in earlier for name in step.made if name
    }


def _weights(step: Step, constants: dict[str, Tensor]) -> tuple[Tensor, Tensor | None] | None:
    """Weight (out, F) and bias (out,) of a linear layer; None for what is no constant."""
    held = [constants.get(name) for name in step.given[1:] if name]
    if any(each is None for each in held):
        return None
    weight, *rest = (each for each in held if each is not None)
    if weight.dim() != 2 or step.node.get("transA", 0):
        return None
    scaled = (weight if step.node.get("transB", 0) else weight.T) * step.node.get("alpha", 1.0)
    if not rest:
        return scaled, None
    bias = rest[0].flatten() * step.node.get("beta", 1.0)
    return (scaled, bias.expand(len(scaled))) if len(bias) in (1, len(scaled)) else None
