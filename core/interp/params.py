"""Parameters of methods, metrics and parts: typed fields with defaults, bounds and descriptions."""

from __future__ import annotations

from typing import Any, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Params(BaseModel):
    """Parameters of a method; each field has a default, a description, and bounds if any."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _alone(cls, value: Any, info: ValidationInfo) -> Any:
        """A single value where a list is expected is a list of one."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        listed = get_origin(annotation) is tuple and not isinstance(value, list | tuple)
        return (value,) if listed else value
