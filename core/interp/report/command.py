"""The command lines that repeat a comparison and an evaluation."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from interp.comparison.result import ComparisonRequest
from interp.evaluation.request import EvaluationRequest
from interp.request import DEFAULT_MODEL, Choice
from interp.spec import ModelOptions


def command(request: ComparisonRequest, added: Sequence[Path] = ()) -> str:
    """`interp compare ...`, quoted for a shell; `added` are registry files, see Registry.extra."""
    budget = request.budget
    flags = [
        ("--plugins", ",".join(each.name for each in request.methods)),
        ("--model", None if request.model == DEFAULT_MODEL else request.model),
        *_options(request.options),
        ("--data", request.data),
        *(("--image", each) for each in request.images if not request.data),
        *(("--target", each) for each in request.targets),
        *_choices(request.methods),
        ("--budget", budget.samples),
        ("--budget", None if budget.seconds is None else f"{budget.seconds:g}s"),
        ("--until", None if budget.until == "samples" else budget.until),
        ("--batch-size", budget.batch_size),
        ("--limit", request.limit),
        ("--seed", request.seed or None),
    ]
    return _line("compare", [*flags, *_added(added)])


def evaluate_command(request: EvaluationRequest, added: Sequence[Path] = ()) -> str:
    """`interp evaluate ...`, quoted for a shell; `added` as of `command`."""
    budget = request.budget
    flags = [
        ("--plugins", ",".join(each.name for each in request.methods)),
        ("--metrics", ",".join(each.name for each in request.metrics) or None),
        ("--model", None if request.model == DEFAULT_MODEL else request.model),
        *_options(request.options),
        ("--data", request.data),
        ("--limit", request.limit),
        ("--target", None if request.target == "true" else request.target),
        *_choices(request.methods),
        *_choices(request.metrics, "--metric-set"),
        ("--budget", budget.samples),
        ("--budget", None if budget.seconds is None else f"{budget.seconds:g}s"),
        ("--batch-size", budget.batch_size),
        ("--seed", request.seed or None),
    ]
    line = _line("evaluate", [*flags, *_added(added)])
    return line + ("" if request.baselines else " --no-baselines")


def _line(verb: str, flags: Sequence[tuple[str, Any]]) -> str:
    """The command with the flags that have a value."""
    words = (str(word) for flag in flags if flag[1] is not None for word in flag)
    return shlex.join(["interp", verb, *words])


def _added(files: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Registry files from where the command was given; of those elsewhere the name alone."""
    for each in files:
        inside = each.is_relative_to(Path.cwd())
        yield "--registry", str(each.relative_to(Path.cwd()) if inside else each.name)


def _options(options: ModelOptions) -> Iterator[tuple[str, Any]]:
    for key, value in options.input.items():
        listed = ",".join(map(str, value)) if isinstance(value, list | tuple) else value
        yield "--input", f"{key}={listed}"
    for key, value in (options.readout_params or {}).items():
        yield "--readout-param", f"{key}={json.dumps(value)}"
    apart = {"input", "readout_params"}
    for key, value in options.model_dump(exclude_defaults=True, exclude=apart).items():
        yield f"--{key.replace('_', '-')}", value


def _choices(choices: Sequence[Choice], flag: str = "--set") -> Iterator[tuple[str, str]]:
    for choice in choices:
        if choice.knowledge:
            yield "--knowledge", f"{choice.name}={choice.knowledge}"
        for key, value in choice.params.items():
            yield flag, f"{choice.name}.{key}={json.dumps(value)}"
