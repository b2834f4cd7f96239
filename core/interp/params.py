"""Params, the base of every method's, metric's and component's parameters."""

from __future__ import annotations

from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import ConfigDict, JsonValue, ValidationInfo, field_validator

from interp.record import Checked

MOST, COUNT, LONGEST = 1e30, 1e12, 4096
"""Size of a number, a whole number, and characters of a text beyond all meaning."""
LEAST = 1e-15
"""Size below which a number that is not 0 has no meaning, and its square may be 0."""
LOCAL: dict[str, JsonValue] = {"local": True}
"""Marks a field, Field(..., json_schema_extra=LOCAL), that names a file, code or devices of the
machine: whoever sits at it may set the field, a visitor of a dashboard may not."""
CODE: dict[str, JsonValue] = {**LOCAL, "code": True}
"""Marks such a field that names code to be run, which a model's card may not set, either."""


class Params(Checked):
    """Parameters, as pydantic fields: each has a default, a description, and bounds if any.

        class MyParams(Params):
            cells: int = Field(8, ge=2, description="cells along each side of the grid")

    Command-line options and forms are generated from them. Unknown names and wrong values are
    refused with an InputError.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _to_tuple(cls, value: Any, info: ValidationInfo) -> Any:
        """A single value where a list is expected is a list of one."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        kinds = {get_origin(each) for each in get_args(annotation) if each is not NoneType}
        listed = get_origin(annotation) is tuple or kinds == {tuple}
        return (value,) if listed and not isinstance(value, list | tuple | None) else value

    @field_validator("*")
    @classmethod
    def _in_bounds(cls, value: Any) -> Any:
        """No number, alone or in a list, that is NaN, or too large or small to mean anything."""
        for each in value if isinstance(value, tuple) else (value,):
            number = isinstance(each, int | float) and not isinstance(each, bool)
            most = COUNT if isinstance(each, int) else MOST
            if number and not abs(each) <= most:
                raise ValueError(f"input should be at most {most:.0e} in size")
            if number and 0 < abs(each) < LEAST:
                raise ValueError(f"input should be 0 or at least {LEAST:.0e} in size")
            if isinstance(each, str) and len(each) > LONGEST:
                raise ValueError(f"input should have at most {LONGEST} characters")
        return value
