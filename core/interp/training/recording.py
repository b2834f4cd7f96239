"""Recording of what goes through a network's modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor, nn


class Call(NamedTuple):
    """One call of a module."""

    inputs: tuple[Tensor, ...]
    output: Tensor


@contextmanager
def recording(modules: Mapping[str, nn.Module]) -> Iterator[dict[str, list[Call]]]:
    """The calls of each named module by this thread, in order, while the block lasts."""
    calls: dict[str, list[Call]] = {name: [] for name in modules}
    own = get_ident()

    def record(name: str, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if get_ident() == own:
            calls[name].append(Call(inputs, output))

    with ExitStack() as stack:
        for name, module in modules.items():
            stack.enter_context(
                module.register_forward_hook(
                    lambda _, inputs, output, name=name: record(name, inputs, output)
                )
            )
        yield calls
