"""An evaluation's request, and its record of each image, in plain types."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from interp.context import Budget
from interp.request import BASELINES, DEFAULT_MODEL, AnyRequest, Choice
from interp.spec import ModelOptions, Plain


class EvaluationRequest(AnyRequest):
    """One job for evaluate. The same request with the same seed gives the same values."""

    methods: tuple[Choice, ...] = Field(description="methods to evaluate, with their parameters")
    metrics: tuple[Choice, ...] = Field((), description="metrics; none: all that are registered")
    baselines: tuple[str, ...] = Field(BASELINES, description="methods added for comparison")
    model: str = Field(DEFAULT_MODEL, description="registered name, file, factory or bundle")
    options: ModelOptions = Field(ModelOptions(), description="what the model file does not say")
    data: str = Field("creatures", description="path of images, or a registered data set")
    target: Literal["true", "predicted"] = Field(
        "true", description="explain the image's own class, or the class the model predicts"
    )
    limit: int | None = Field(None, ge=1, description="number of images; none: all")
    shard: tuple[int, int] | None = Field(None, description="part i of n of the images: (i, n)")
    seed: int = Field(0, ge=0, description="seed of the methods' random samples")
    budget: Budget = Field(Budget(), description="how much work each method may do")


class MetricSpec(Plain):
    """A metric as it was used."""

    unit: str = Field(description="unit of the metric's values")
    higher_is_better: bool
    images: int | None = Field(description="number of images that are measured; None: all")
    params: dict[str, Any] = {}


class EvaluationRecord(Plain):
    """One image: every metric's value for every method, or why there is none."""

    position: int = Field(description="place among the chosen images")
    image: str = Field(description="name of the image")
    target: str | None = Field(None, description="class that was explained")
    values: dict[str, dict[str, float]] = Field({}, description="metric -> method -> value")
    curves: dict[str, dict[str, tuple[float, ...]]] = Field(
        {}, description="metric -> method -> value at each setting, where one is to be chosen"
    )
    skipped: dict[str, str] = Field({}, description="metric (or images) -> why it was left out")
    failures: dict[str, dict[str, str]] = Field(
        {}, description="method -> metric (or explain) -> error"
    )
    explaining: dict[str, float] = Field({}, description="method -> seconds")
    measuring: dict[str, float] = Field({}, description="metric -> seconds, all methods together")
    notes: tuple[str, ...] = Field((), description="what was assumed in reading the image")

    @classmethod
    def left_out(cls, position: int, reason: str) -> EvaluationRecord:
        """The record of an image that nothing is measured on."""
        return cls(position=position, image=f"image {position}", skipped={"images": reason})

    @model_serializer(mode="wrap")
    def _without_empty(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As earlier versions wrote it, where there is no note and no curve."""
        facts: dict[str, Any] = write(self)
        empty = {key for key in ("notes", "curves") if not getattr(self, key)}
        return {key: facts[key] for key in facts if key not in empty}
