"""Params, the base of every method's, metric's and component's parameters."""

from __future__ import annotations

from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


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
        kinds = {get_origin(each) for each in get_args(annotation) if each is not NoneType}
        listed = get_origin(annotation) is tuple or kinds == {tuple}
        return (value,) if listed and not isinstance(value, list | tuple | None) else value
