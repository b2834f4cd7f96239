"""Plain, the base of immutable records, and what is wrong with a record in one line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from interp.errors import InputError, nearest

LONGEST = 60
"""Letters of a value that an error message quotes."""


if TYPE_CHECKING:
    Checked = BaseModel
else:

    class _Constructor(type(BaseModel)):
        """Class of classes whose constructor says what is wrong in one line of ours.

        Reading from JSON does not go through the constructor: whoever reads adds the file's name.
        """

        def __call__(cls, *args, **values):
            try:
                return super().__call__(*args, **values)
            except ValidationError as error:
                raise InputError(what_is_wrong(cls, error)) from error

    class Checked(BaseModel, metaclass=_Constructor):
        """Base of pydantic models that raise InputError where they are made with wrong values."""


class Plain(Checked):
    """Base of immutable records, saved as JSON; unknown keys are refused.

    Made with wrong values, one raises InputError that names the field and what it takes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def from_value(cls, value: object) -> Self:
        """The record that a value stands for. Raises InputError for one that stands for none."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise InputError(what_is_wrong(cls, error)) from error


def what_is_wrong(kind: type[BaseModel], error: ValidationError) -> str:
    """What is wrong first with a record of `kind`, as `Budget.samples: found 'x'; ...`."""
    problem: Any = error.errors()[0]
    where = ".".join(map(str, (kind.__name__, *problem["loc"])))
    return f"{where}: {explain(kind, problem)}"


def explain(kind: type[BaseModel], problem: dict[str, Any]) -> str:
    """One of pydantic's problems with a record of `kind` in a few words, with the nearest names."""
    *parents, key = problem["loc"] or ("",)
    if problem["type"] == "extra_forbidden":
        return f"unknown key; {nearest(str(key), fields_of(kind, parents))}"
    if problem["type"] == "missing":
        fields = fields_of(kind, parents).items()
        required = ", ".join(name for name, field in fields if field.is_required())
        return f"missing; expected the keys {required}"
    found = f"found {shown(problem['input'])}"
    if problem["type"] in ("literal_error", "enum"):
        choices = re.findall("'([^']*)'", problem["ctx"]["expected"])
        return f"{found}; {nearest(str(problem['input']), choices)}"
    return f"{found}; {problem['msg'][0].lower()}{problem['msg'][1:]}"


def fields_of(kind: type[BaseModel], path: Iterable[str | int]) -> dict[str, Any]:
    """The fields of the record that a path of keys leads to, from a record of `kind`."""
    fields: dict[str, Any] = dict(kind.model_fields)
    for key in path:
        if isinstance(key, str):
            inner = fields[key].annotation
            fields = next(
                each.model_fields
                for each in (inner, *get_args(inner))
                if hasattr(each, "model_fields")
            )
    return fields


def shown(value: object) -> str:
    """What was found, shortened to fit one line."""
    try:
        text = "nothing" if value is None else repr(value)
    except ValueError:  # Python writes no number of thousands of digits
        text = "a number of thousands of digits"
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
