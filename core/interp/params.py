"""Params, the base of every method's, metric's and component's parameters."""

from __future__ import annotations

from typing import Any, get_origin

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationInfo, field_validator

LOCAL: dict[str, JsonValue] = {"local": True}
"""Marks a field, Field(..., json_schema_extra=LOCAL), that names a file, code or devices of the
machine: whoever sits at it may set the field, a visitor of a dashboard may not."""


class Params(BaseModel):
    """Parameters, as pydantic fields: each has a default, a description, and bounds if any.

        class MyParams(Params):
            cells: int = Field(8, ge=2, description="cells along each side of the grid")

    Command-line options and forms are generated from them; unknown names are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _to_tuple(cls, value: Any, info: ValidationInfo) -> Any:
        """A single value where a list is expected is a list of one."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        listed = get_origin(annotation) is tuple and not isinstance(value, list | tuple)
        return (value,) if listed else value
