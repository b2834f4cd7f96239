"""What code may leave changed in a PyTorch module: hooks, modes, parts, gradients and weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from interp.network.weight_state import Originals, WeightGroup, named_tensors, names_of

if TYPE_CHECKING:
    from torch import nn

HOOKS = (
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_backward_hooks",
    "_backward_pre_hooks",
)
"""Attributes of a module that hold its hooks."""
PARTS = ("_parameters", "_buffers", "_modules")
"""Attributes of a module that hold its tensors and submodules."""
EMPTY: dict[Any, Any] = {}
"""What an empty table held: most are, and there are ten for each submodule of each call."""
ALL_MODULES = ("_global_forward_hooks", "_global_forward_pre_hooks", "_global_backward_hooks")
"""Names in torch.nn.modules.module that hold the hooks of all modules."""


@dataclass(frozen=True)
class Change:
    """What was found changed, in words, and whether it was put back."""

    words: str
    undone: bool = True


class Table(NamedTuple):
    """A dictionary, such as a module's hooks, and what it held."""

    table: dict[Any, Any]
    content: dict[Any, Any]

    @classmethod
    def of(cls, table: dict[Any, Any]) -> Table:
        """The dictionary now."""
        return cls(table, table.copy() if table else EMPTY)

    def restore(self) -> bool:
        """Give it its earlier items again; whether it had others."""
        if not self.table and not self.content:
            return False
        same = self.table.keys() == self.content.keys() and all(
            self.table[key] is value for key, value in self.content.items()
        )
        if not same:
            self.table.clear()
            self.table.update(self.content)
        return not same


def restore_all(tables: Iterable[Table]) -> bool:
    """Give every table its earlier items again; whether one had others."""
    return sum(each.restore() for each in tables) > 0


class PartState(NamedTuple):
    """One submodule at one moment."""

    name: str
    part: nn.Module
    training: bool
    forward: Any
    hooks: tuple[Table, ...]
    parts: tuple[Table, ...]

    @classmethod
    def of(cls, name: str, part: nn.Module) -> PartState:
        """The state of a submodule now. Scripted ones keep no dictionaries."""
        own = vars(part)

        def tables(names: tuple[str, ...]) -> tuple[Table, ...]:
            held = [own.get(each) for each in names]
            return tuple([Table.of(each) for each in held if isinstance(each, dict)])

        return cls(
            name or "the module",
            part,
            part.training,
            own.get("forward"),
            tables(HOOKS),
            tables(PARTS),
        )

    def restore(self) -> Iterator[tuple[str, str]]:
        """Put everything back; says what was another, and where."""
        if self.part.training and not self.training:
            self.part.training = False  # the part's alone: its children have flags of their own
            yield "training mode", self.name
        if restore_all(self.hooks):
            yield "hooks", self.name
        if restore_all(self.parts):
            yield "parts", self.name
        if vars(self.part).get("forward") is not self.forward:
            vars(self.part).pop("forward", None)
            if self.forward is not None:
                vars(self.part)["forward"] = self.forward
            yield "forward", self.name


@dataclass(frozen=True, eq=False)
class ModuleState:
    """A module at one moment, to be compared with itself later.

    Weights are compared by a sample of their values, or by all of them where `originals` were kept
    and the weight was written meanwhile.
    """

    parts: tuple[PartState, ...]
    weights: tuple[WeightGroup, ...]
    all_modules: tuple[Table, ...]
    originals: Originals | None = None

    @classmethod
    def of(
        cls,
        module: nn.Module,
        originals: Originals | None = None,
        trained: bool = False,
        whole: bool = False,
    ) -> ModuleState:
        """The state of a module now; `whole` compares all values of the weights.

        Weights and gradients are left alone where the program may have it `trained` meanwhile.
        """
        from torch.nn.modules import module as torch_module

        parts = tuple(PartState.of(*each) for each in module.named_modules())
        tensors = () if trained else named_tensors(module)
        return cls(
            parts,
            tuple(WeightGroup.all_of(tensors, whole)),
            tuple(Table.of(getattr(torch_module, each)) for each in ALL_MODULES),
            originals,
        )

    def restore(self) -> list[Change]:
        """Put back what has changed since, and say what that was."""
        places: dict[str, list[str]] = {}
        for each in self.parts:  # first, so that weights that were replaced are there again
            for what, name in each.restore():
                places.setdefault(what, []).append(name)
        for weight in (each for group in self.weights for each in group.states):
            for what in weight.restore_gradient():
                places.setdefault(what, []).append(weight.name)
        found = [Change(f"{what} of {names_of(names)}") for what, names in places.items()]
        if restore_all(self.all_modules):
            found.append(Change("hooks of all modules"))
        return [*found, *self._restore_weights()]

    def _restore_weights(self) -> Iterator[Change]:
        undone: dict[bool, list[str]] = {}
        for group in self.weights:
            for each, original in list(group.changed(self.originals)):
                undone.setdefault(each.restore(original), []).append(each.name)
        for back, names in undone.items():
            yield Change(f"weights {names_of(names)}", back)
