"""A comparison as the command that repeats it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from interp.comparison.result import ComparisonRequest
from interp.context import Budget
from interp.request import DEFAULT_MODEL
from interp.spec import ModelOptions


def command(request: ComparisonRequest) -> str:
    """`interp compare ...`, fit for a shell."""
    names = ",".join(each.name for each in request.methods)
    return shlex.join(["interp", "compare", "--plugins", names, *_flags(request)])


def _flags(request: ComparisonRequest) -> Iterator[str]:
    if request.model != DEFAULT_MODEL:
        yield from ("--model", request.model)
    yield from _options(request.options)
    sources = (
        [("--data", request.data)] if request.data else [("--image", i) for i in request.images]
    )
    for flag, value in [*sources, *(("--target", each) for each in request.targets)]:
        yield from (flag, str(value))
    for choice in request.methods:
        if choice.knowledge:
            yield from ("--knowledge", f"{choice.name}={choice.knowledge}")
        for key, value in choice.params.items():
            yield from ("--set", f"{choice.name}.{key}={json.dumps(value)}")
    yield from _amount(request.budget)
    if request.limit is not None:
        yield from ("--limit", str(request.limit))
    if request.seed:
        yield from ("--seed", str(request.seed))


def _options(options: ModelOptions) -> Iterator[str]:
    for key, value in options.input.items():
        listed = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        yield from ("--input", f"{key}={listed}")
    said = options.model_dump(exclude_defaults=True, exclude={"input", "activation"})
    for key, value in said.items():
        yield from (f"--{key}", str(value))


def _amount(budget: Budget) -> Iterator[str]:
    if budget.samples is not None:
        yield from ("--budget", str(budget.samples))
    if budget.seconds is not None:
        yield from ("--budget", f"{budget.seconds:g}s")
    if budget.batch_size is not None:
        yield from ("--batch-size", str(budget.batch_size))
