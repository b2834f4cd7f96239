"""What a row of the zoo is: a model, how its framework answers, and what it is known to refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from interp.spec import ModelOptions

COLUMNS = ("open", "predict", "layers", "gradcam", "chip", "mint", "rise", "compare")
"""What is tried on each model, in this order."""


@dataclass(frozen=True, eq=False)
class Given:
    """A model as its owner has it, beside what it is compared with."""

    source: object
    """What interp.open_model is given."""
    options: ModelOptions
    module: nn.Module | None = None
    """The plain PyTorch module, also that which an ONNX file was made of, where there is one."""
    scores: Callable[[object], Tensor] = lambda output: output  # type: ignore[assignment,return-value]
    """The scores (N, K) in the module's output."""
    answer: Callable[[Tensor], Tensor] | None = None
    """The scores of preprocessed images by another framework; None: the module's own."""


@dataclass(frozen=True)
class Specimen:
    """A row of the table: a model, made in a folder when it is its turn."""

    name: str
    kind: str
    """Heading that it stands under in docs/models.md."""
    make: Callable[[Path], Given]
    refusals: Mapping[str, str] = field(default_factory=dict)
    """Column -> the beginning of the error that is expected there."""
    always: bool = False
    """Whether it is among the few that are tried by default."""
    rounded: bool = False
    """Whether its numbers are rounded to 8 or 16 bits: then Grad-CAM is only alike, to .95."""
    tolerance: float = 1e-4
    """How far its scores may be from the framework's, as a share of the largest."""
