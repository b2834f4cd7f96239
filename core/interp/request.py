"""What is asked for, in plain types: the one thing CLI flags, forms and request.json become."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from interp.context import Budget
from interp.spec import ModelOptions, Plain

DEFAULT_MODEL = "creatures-vgg"
SAMPLE_IMAGE = "sample"


class Request(Plain):
    """One job for run or fit. The same request with the same seed gives the same answer."""

    method: str = Field(description="a registered method's name")
    model: str = Field(DEFAULT_MODEL, description="registry name, file, factory or bundle")
    options: ModelOptions = ModelOptions()
    images: tuple[str, ...] = Field((SAMPLE_IMAGE,), description="files, or registered samples")
    targets: tuple[str, ...] = Field((), description="classes by name or index; none: top-1")
    params: dict[str, Any] = Field({}, description="the method's parameters that differ")
    data: str | None = Field(None, description="folder or registered data set, for fit")
    knowledge: str | None = Field(None, description="folder that fit wrote")
    seed: int = 0
    budget: Budget = Budget()


class Choice(Plain):
    """A method or metric among several, with the parameters that differ."""

    name: str = Field(description="its registered name")
    params: dict[str, Any] = {}
    knowledge: str | None = Field(None, description="folder that fit wrote, for a method")
