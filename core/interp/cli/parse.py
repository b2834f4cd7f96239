"""Values typed on the command line: key=value, budgets, preprocessing, methods' parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import ValidationError

from interp.context import Budget, read_limit
from interp.errors import InputError, nearest
from interp.registry import Registry
from interp.request import Choice
from interp.spec import InputSpec
from interp.storage.yaml_file import parse_yaml

if TYPE_CHECKING:
    import typer

NUMBER = re.compile(r"-[\d.]")


def settings(texts: Iterable[str]) -> dict[str, Any]:
    """`["k=5", "levels=[1, 2]"]` as parameters; the method checks names and types."""
    return dict(map(setting, texts))


def repeatable(texts: Iterable[str]) -> dict[str, Any]:
    """The same, where a parameter that is given several times is a list."""
    given: dict[str, list[Any]] = {}
    for key, value in map(setting, texts):
        given.setdefault(key, []).append(value)
    return {key: found[0] if len(found) == 1 else found for key, found in given.items()}


def setting(text: str, flag: str = "--set") -> tuple[str, Any]:
    """`k=5` as ("k", 5): the value is YAML. Raises InputError that names the flag."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f"{flag} {text}: expected key=value, e.g. {flag} samples=2000")
    try:
        return key.strip(), parse_yaml(value)
    except yaml.YAMLError as error:
        raise InputError(f"{flag} {text}: {value!r} is not a YAML value") from error


def budget(
    text: str | None,
    batch_size: int | None,
    until: Literal["samples", "stable", "ranked"] = "samples",
    part: str | None = None,
) -> Budget:
    """A budget from `2000` samples or `30s`, `2m`, `1h`, and from a part of the work, `0/2`."""
    try:
        limit = {} if text is None else read_limit(text)
    except InputError as error:
        raise InputError(f"--{error}") from error
    return Budget(**limit, batch_size=batch_size, until=until, shard=shard(part))


def shard(text: str | None) -> tuple[int, int] | None:
    """`0/2`: part 0 of 2."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip())
    if not found or int(found[1]) >= int(found[2]):
        raise InputError(f"--shard {text}: expected part/parts, e.g. 0/2 and 1/2 for two processes")
    return int(found[1]), int(found[2])


def input_fields(text: str) -> dict[str, Any]:
    """`size=224,mean=.5,.5,.5` as fields of InputSpec; a word without `=` goes on with a list."""
    fields: dict[str, list[str]] = {}
    key = ""
    for word in text.split(","):
        name, equals, value = word.partition("=")
        if equals:
            key = name.strip()
        elif not key:
            raise InputError(f"--input {text}: expected field=value, e.g. size=224")
        fields.setdefault(key, []).append((value if equals else word).strip())
    return _checked({key: _value(key, words) for key, words in fields.items()})


def _value(key: str, words: list[str]) -> Any:
    if key == "size":
        sides = [side for word in words for side in word.split("x")]
        return sides * 2 if len(sides) == 1 else sides
    return words if key in ("mean", "std", "bands") else ",".join(words)


def _checked(fields: dict[str, Any]) -> dict[str, Any]:
    for key in fields:
        if key not in InputSpec.model_fields:
            raise InputError(
                f"--input has no field {key!r}; {nearest(key, InputSpec.model_fields)}"
            )
    try:
        return InputSpec.model_validate(fields).model_dump(mode="json", include=set(fields))
    except ValidationError as error:
        problem = error.errors()[0]
        raise InputError(
            f"--input {problem['loc'][0]}: found {problem['input']!r}; {problem['msg'].lower()}"
        ) from error


def parameters(
    registry: Registry,
    method: str,
    set_: Sequence[str] | None,
    context: typer.Context,
    before: Sequence[str] = (),
) -> dict[str, Any]:
    """One method's parameters, from --set and from options that the command does not know.

    These are the words `before` and the rest that `context` holds. An option without a value is
    true; one given several times is a list.
    """
    registry.entry("method", method)
    given = repeatable(f"{key}={value}" for key, value in _options([*before, *context.args]))
    known = registry.get("method", method).Params.model_fields if given else ()
    for key in given:
        if key not in known:
            own = [name for each in context.command.params for name in each.opts]
            options = [*own, *map(_option, known)]
            wrong = _option(key)
            raise InputError(
                f"no such option: {wrong}; {nearest(wrong, options)} "
                f"(interp show {method} lists its parameters)"
            )
    return settings(set_ or ()) | given


def _option(parameter: str) -> str:
    return f"--{parameter.replace('_', '-')}"


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """`--a 1 --b --c=2` as (a, 1), (b, true), (c, 2)."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            raise InputError(f"found {word!r} where an option was expected; options begin with --")
        key, equals, value = word[2:].partition("=")
        if not equals:
            is_value = bool(rest) and (not rest[0].startswith("-") or NUMBER.match(rest[0]))
            value = rest.pop(0) if is_value else "true"
        yield key.replace("-", "_"), value


def choices(
    registry: Registry,
    kind: str,
    names: str,
    flag: str,
    set_: Sequence[str] | None,
    knowledge: Sequence[str] | None = None,
) -> tuple[Choice, ...]:
    """Methods or metrics by comma-separated names, each with its parameters and knowledge.

    `flag` is the option that gave `set_`: errors name it.
    """
    listed = [name.strip() for name in names.split(",") if name.strip()]
    for name in listed:
        registry.entry(kind, name)
    params: dict[str, dict[str, Any]] = {name: {} for name in listed}
    for key, value in settings(set_ or ()).items():
        name, dot, parameter = key.rpartition(".")
        if not dot:
            raise InputError(f"{flag} {key}=...: expected NAME.KEY=VALUE, e.g. mint.samples=500")
        _check_listed(flag, name, listed)
        params[name][parameter] = value
    folders: dict[str, str] = {}
    for text in knowledge or ():
        name, equals, folder = text.partition("=")
        if not equals:
            raise InputError(f"--knowledge {text}: expected METHOD=DIR, e.g. chip=known")
        _check_listed("--knowledge", name, listed)
        folders[name] = folder
    return tuple(
        Choice(name=name, params=params[name], knowledge=folders.get(name)) for name in listed
    )


def _check_listed(flag: str, name: str, listed: Sequence[str]) -> None:
    if name not in listed:
        raise InputError(f"{flag} {name}: not among the names given; {nearest(name, listed)}")
