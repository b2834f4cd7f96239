"""Functions of users: found by name, described, and called so that errors name them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from interp.errors import InterpError, ModelError, first_line
from interp.opening.python_object import named_object
from interp.opening.source import merge
from interp.spec import ModelOptions
from interp_callable.endpoint import open_endpoint

PREFIX = "callable:"
LIVE = "python:"
"""Prefix of the source of a function given as a Python object, which nothing can open again."""
OPTIONS = "interp_options"
"""The attribute in which a function may carry options of its own."""


@dataclass(frozen=True, eq=False)
class Function:
    """A function from images to scores, with what is known of it."""

    call: Callable[[Any], Any]
    name: str
    source: str
    identity: str
    """What its fingerprint is made of, beside its answers."""
    options: ModelOptions = field(default_factory=ModelOptions)
    """Options that it carries itself."""
    remote: bool = False
    """Whether it is an Endpoint, which is asked in batches only."""

    def __call__(self, images: Any) -> Any:
        """What the function answers; ModelError names it where it fails.

        Running out of memory is left as it is, since smaller batches may do.
        """
        try:
            return self.call(images)
        except (InterpError, MemoryError):
            raise
        except Exception as error:  # the user's code: anything can happen
            if "out of memory" in str(error).lower():
                raise MemoryError(first_line(error)) from error
            raise ModelError(
                f"{self.name} fails on {images.dtype} {images.shape}: "
                f"{type(error).__name__}: {first_line(error)}{self._advice}"
            ) from error

    @property
    def _advice(self) -> str:
        """What to do where the function is a part of a PyTorch module; it follows an error."""
        owner = getattr(self.call, "__self__", None) or getattr(self.call, "func", None)
        kind = type(owner).__name__
        if not isinstance(owner, nn.Module):
            return ""
        return f"; a function is given NumPy arrays: give the {kind} itself, which takes tensors"

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Class names that come with it: an endpoint's, or `classes_` of a method's object."""
        owner = self.call if self.remote else getattr(self.call, "__self__", None)
        listed = getattr(owner, "classes_", None)
        try:
            return None if listed is None else tuple(str(each) for each in listed)
        except TypeError:
            return None


def find_function(source: object) -> Function:
    """The function behind a source: an http(s) address, `callable:module:function`, or itself."""
    if isinstance(source, str) and source.startswith(("http://", "https://")):
        endpoint = open_endpoint(source)
        return Function(endpoint, endpoint.name, source, endpoint.name, remote=True)
    if isinstance(source, str):
        call = _import_function(source)
        return Function(call, name_of(call), source, name_of(call), _own_options(call))
    call = _checked(source, name_of(source))
    name = name_of(call)
    return Function(call, name, f"{LIVE}{name}", name, _own_options(call))


def name_of(call: Any) -> str:
    """A function's name: `score`, `Pipeline.predict_proba`, or the class of a callable object."""
    if isinstance(call, functools.partial):
        return name_of(call.func)
    owner, name = getattr(call, "__self__", None), getattr(call, "__name__", None)
    if name is None:
        return type(call).__name__
    if owner is not None and hasattr(call, "__func__"):
        return f"{getattr(owner, '__name__', type(owner).__name__)}.{name}"
    return "lambda" if name == "<lambda>" else str(name)


def _import_function(source: str) -> Callable[[Any], Any]:
    """The function that `callable:module:function` names; the current folder is importable."""
    module, _, path = source.removeprefix(PREFIX).partition(":")
    if not module or not path:
        raise ModelError(f"found {source!r}; expected callable:module:function")
    return _checked(named_object(f"{module}:{path}", source), source)


def _checked(found: object, name: str) -> Callable[[Any], Any]:
    if isinstance(found, type):
        raise ModelError(
            f"{name} is the class {found.__name__}; expected a function from images to scores, or "
            "an object that can be called so"
        )
    if not callable(found):
        raise ModelError(
            f"{name} is a {type(found).__name__}; expected a function from images to scores"
        )
    return found


def _own_options(call: object) -> ModelOptions:
    """The options that a function carries, as ModelOptions or as a dictionary of its fields."""
    own = getattr(call, OPTIONS, None)
    if own is None or isinstance(own, ModelOptions):
        return own or ModelOptions()
    try:
        return ModelOptions.model_validate(dict(own) if isinstance(own, Mapping) else own)
    except ValueError as error:
        raise ModelError(
            f"{name_of(call)}.{OPTIONS} is not usable ({first_line(error)}); "
            "expected interp.ModelOptions(...) or a dictionary of its fields"
        ) from error


def all_options(function: Function, given: ModelOptions) -> ModelOptions:
    """The function's own options, overridden by those given; ModelError for what it cannot use."""
    name = function.name
    if given.weights is not None:
        raise ModelError(f"{name} is a function and has no weights; leave out --weights")
    if given.precision != "fp32":
        raise ModelError(
            f"{name} is a function and chooses its own precision; leave out --precision"
        )
    if given.device not in (None, "cpu"):
        raise ModelError(f"{name} is a function and chooses its own device; leave out --device")
    if given.output_name is not None:
        raise ModelError(f"{name} is a function and has one output; leave out --output-name")
    return merge(function.options, given)
