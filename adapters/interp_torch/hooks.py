"""Running a module without changing it: evaluation mode, forward hooks, attributes restored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

from torch import Tensor, nn

OutputHook = Callable[[str, nn.Module, object], object | None]
"""hook(name, module, output): what replaces the output, or None to keep it."""


@contextmanager
def eval_mode(module: nn.Module, parts: Iterable[nn.Module] | None = None) -> Iterator[None]:
    """Evaluation mode for every submodule, each one's own training flag restored afterwards.

    `parts` are the module's modules(), where the caller has listed them: listing takes a while.
    """
    training = [each for each in parts or module.modules() if getattr(each, "training", False)]
    for each in training:
        each.training = False
    try:
        yield
    finally:
        for each in training:
            each.training = True


@contextmanager
def restore_attributes(module: nn.Module) -> Iterator[None]:
    """Restore every submodule's attributes afterwards: a tracer may leave its proxies in them."""
    before = [(each, dict(vars(each))) for each in module.modules()]
    try:
        yield
    finally:
        for each, attributes in before:
            vars(each).clear()
            vars(each).update(attributes)


@contextmanager
def output_hooks(modules: dict[str, nn.Module], hook: OutputHook) -> Iterator[None]:
    """Call `hook` with each named module's output; the hooks are removed afterwards."""
    with ExitStack() as stack:
        for name, module in modules.items():
            handle = module.register_forward_hook(
                lambda each, _, output, name=name: hook(name, each, output)
            )
            stack.callback(handle.remove)
        yield


def capture(module: nn.Module, inputs: Tensor, names: list[str]) -> dict[str, Tensor]:
    """Outputs of the named modules in one pass, copied before in-place operations alter them."""
    found: dict[str, Tensor] = {}

    def copy(name: str, _: nn.Module, output: object) -> None:
        if isinstance(output, Tensor):
            found[name] = output.clone()

    with output_hooks({name: module.get_submodule(name) for name in names}, copy):
        module(inputs)
    return found


def substitute(module: nn.Module, inputs: Tensor, name: str, activation: Tensor) -> Tensor:
    """The module's output for `inputs` with one submodule's output replaced by `activation`."""
    with output_hooks({name: module.get_submodule(name)}, lambda *_: activation.clone()):
        return module(inputs)
