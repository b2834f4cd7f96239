"""Running somebody's module without leaving a trace on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

from torch import Tensor, nn

Watch = Callable[[str, nn.Module, object], object | None]
"""watch(name, module, output): what to put in the output's place, or None."""


@contextmanager
def evaluating(module: nn.Module, parts: Iterable[nn.Module] | None = None) -> Iterator[None]:
    """Evaluation mode for every part of the module, each part's own flag put back afterwards.

    `parts` are its modules(), where the caller has them: walking a deep one takes a while.
    """
    training = [each for each in parts or module.modules() if each.training]
    for each in training:
        each.training = False
    try:
        yield
    finally:
        for each in training:
            each.training = True


@contextmanager
def keeping_attributes(module: nn.Module) -> Iterator[None]:
    """Every part's attributes put back afterwards: a tracer may leave its proxies in them."""
    before = [(each, dict(vars(each))) for each in module.modules()]
    try:
        yield
    finally:
        for each, attributes in before:
            vars(each).clear()
            vars(each).update(attributes)


@contextmanager
def watching(modules: dict[str, nn.Module], watch: Watch) -> Iterator[None]:
    """Show `watch` each named module's output as it is made."""
    with ExitStack() as stack:
        for name, module in modules.items():
            handle = module.register_forward_hook(
                lambda each, _, output, name=name: watch(name, each, output)
            )
            stack.callback(handle.remove)
        yield


def capture(module: nn.Module, inputs: Tensor, names: list[str]) -> dict[str, Tensor]:
    """Outputs of the named modules in one pass, copied before in-place work can alter them."""
    found: dict[str, Tensor] = {}

    def keep(name: str, _: nn.Module, output: object) -> None:
        if isinstance(output, Tensor):
            found[name] = output.clone()

    with watching({name: module.get_submodule(name) for name in names}, keep):
        module(inputs)
    return found


def substitute(module: nn.Module, inputs: Tensor, name: str, activation: Tensor) -> Tensor:
    """The module's answer to `inputs` with one part's output replaced."""
    with watching({name: module.get_submodule(name)}, lambda *_: activation.clone()):
        return module(inputs)
