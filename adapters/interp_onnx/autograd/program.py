"""A graph as a list of PyTorch operations."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from onnx import ModelProto
from torch import Tensor

from interp_onnx.autograd import (  # noqa: F401
    arithmetic,
    gathering,
    network_layers,
    pooling,
    reduction,
    resize,
    shaping,
)
from interp_onnx.autograd.operation import FRACTION, OPERATIONS, Node, Operation, constant
from interp_onnx.graph import PLAIN, opset_of


@dataclass(frozen=True)
class Step:
    """One node: the names of what it reads and answers, "" for what is left out or read nowhere."""

    node: Node
    run: Operation
    given: tuple[str, ...]
    made: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Program:
    """A model as steps that autograd records. Called as a session is: inputs -> outputs.

    What depends on no input is computed once. Fractions are float32; whole numbers
    stay on the CPU, where shapes are read.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    steps: tuple[Step, ...]
    constants: dict[str, Tensor]
    last_use: dict[str, int]

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        values = {
            name: each.to(FRACTION) if each.is_floating_point() else each
            for name, each in zip(self.inputs, inputs, strict=True)
        }
        for at, step in enumerate(self.steps):
            _take(step, values, self.constants)
            for name in {*step.given, *step.made} - {*self.outputs}:
                if self.last_use.get(name, at) <= at:
                    values.pop(name, None)  # autograd keeps what slopes need
        return [_value(name, values, self.constants) for name in self.outputs]


def lacking(model: ModelProto) -> set[str]:
    """The operations of a model that have no entry in the table."""
    return {
        node.op_type
        for node in model.graph.node
        if node.domain not in PLAIN or node.op_type not in OPERATIONS
    }


def translate(model: ModelProto, device: torch.device) -> Program:
    """The model as a program that answers its outputs; a copy with other `outputs` answers these.

    Raises NotImplementedError for operations that are missing.
    """
    if missing := lacking(model):
        raise NotImplementedError(f"operations {', '.join(sorted(missing))}")
    opset = opset_of(model)
    constants = {each.name: constant(each) for each in model.graph.initializer}
    given = tuple(each.name for each in model.graph.input if each.name not in constants)
    wanted = tuple(each.name for each in model.graph.output)
    read = {name for each in model.graph.node for name in each.input} | {*wanted}
    alive, steps = set(given), []
    for each in model.graph.node:
        node = Node.of(each, opset)
        made = tuple(name if name in read else "" for name in each.output)
        step = Step(node, OPERATIONS[each.op_type], tuple(each.input), made)
        if alive.isdisjoint(step.given):
            with torch.no_grad():
                _take(step, constants, {})
        else:
            alive.update(step.made)
            steps.append(step)
    last = {name: at for at, step in enumerate(steps) for name in step.given}
    used = {*last, *wanted}
    moved = {
        name: value.to(device) if value.is_floating_point() else value
        for name, value in constants.items()
        if name in used
    }
    return Program(given, wanted, tuple(steps), moved, last)


def _take(step: Step, values: dict[str, Tensor], constants: dict[str, Tensor]) -> None:
    """Run a step, and put what it answers among the values."""
    given = [_value(name, values, constants) if name else None for name in step.given]
    found = step.run(step.node, *given)
    answers = (found,) if isinstance(found, Tensor) else found
    if any(step.made[len(answers) :]):
        raise NotImplementedError(f"further outputs of {step.node.kind}")
    values.update(zip(step.made, answers, strict=False))


def _value(name: str, values: dict[str, Tensor], constants: dict[str, Tensor]) -> Tensor:
    return values[name] if name in values else constants[name]
