"""Requests in plain types: what command lines, forms and request.json all become."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from interp.context import Budget
from interp.errors import InputError
from interp.spec import ModelOptions, Plain

DEFAULT_MODEL = "creatures-vgg"
SAMPLE_IMAGE = "sample"
BASELINES = ("random", "centre", "edges")
"""Methods whose maps see no model: what others are held against."""


class AnyRequest(Plain):
    """Base of requests, which are saved as JSON."""

    @model_validator(mode="after")
    def _is_text(self) -> Self:
        """Raise InputError for a name that JSON cannot hold: a file's, in another encoding."""
        for _, value in self:
            for each in value if isinstance(value, tuple) else (value,):
                try:
                    _ = each.encode() if isinstance(each, str) else None
                except UnicodeEncodeError as error:
                    raise InputError(
                        f"found the name {each!a}, which is no text in UTF-8; rename the file, or "
                        "run with PYTHONUTF8=1"
                    ) from error
        return self


class Request(AnyRequest):
    """One job for run, survey or fit. The same request with the same seed gives the same result."""

    method: str = Field(description="registered name of the method")
    model: str = Field(DEFAULT_MODEL, description="registered name, file, factory or bundle")
    options: ModelOptions = Field(ModelOptions(), description="what the model file does not say")
    images: tuple[str, ...] = Field((SAMPLE_IMAGE,), description="image files or sample names")
    targets: tuple[str, ...] = Field(
        (), description="classes by name or index; none: the class predicted for each image"
    )
    params: dict[str, Any] = Field(
        {}, description="parameters of the method that differ from their defaults"
    )
    data: str | None = Field(
        None, description="path of images or registered data set, for fit and survey"
    )
    knowledge: str | None = Field(None, description="folder that fit wrote")
    seed: int = Field(0, ge=0, description="seed of the method's random samples")
    budget: Budget = Field(Budget(), description="how much work the run may do")
    full_maps: bool = Field(
        False,
        description="keep a map's value at each of the image's pixels, and large images whole",
    )

    def of_image(self, name: str) -> Request:
        """The same for one image of its data, which is called so."""
        return self.model_copy(update={"images": (name,), "data": None})


class Choice(Plain):
    """A method or metric among several, with its parameters."""

    name: str = Field(description="registered name")
    params: dict[str, Any] = Field({}, description="parameters that differ from their defaults")
    knowledge: str | None = Field(None, description="for a method: folder that fit wrote")
