"""Derived models, which a method made of another: a recipe and weights in a folder."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors.torch import save_file
from torch import nn

from interp.errors import InputError, ModelError, UnsupportedError
from interp.spec import ModelOptions
from interp.storage.folder import read_json

LIVE = "python:"
"""Prefix of the source of a module given as a Python object, which nothing can open again."""

RECIPE, WEIGHTS = "model.json", "weights.safetensors"


class Recipe(BaseModel):
    """How a derived model is made again: open the base, call the builder, load the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    base_options: ModelOptions = ModelOptions()
    builder: str
    params: dict[str, object] = {}
    classes: tuple[str, ...] | None = None
    """Class names; None: the base's."""


def read_recipe(folder: Path) -> Recipe:
    """The recipe in a derived model's folder."""
    path = folder / RECIPE
    try:
        return Recipe.model_validate(read_json(path))
    except InputError as error:
        raise ModelError(f"{folder} is no model: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or RECIPE
        raise ModelError(
            f"{path}: {where}: {first['msg'].lower()}; expected what interp wrote; make it again"
        ) from error


def write_derived(module: nn.Module, recipe: Recipe, folder: Path) -> None:
    """Write recipe and weights into an existing folder."""
    if recipe.base.startswith(LIVE):
        raise UnsupportedError(
            f"the base {recipe.base.removeprefix(LIVE)} lives in this program only: nothing opens "
            "it again; open it from a file or factory, or save it first"
        )
    tensors = {
        name: each.detach().cpu().contiguous().clone() for name, each in module.state_dict().items()
    }
    save_file(tensors, folder / WEIGHTS)
    text = json.dumps(recipe.model_dump(mode="json"), indent=2)
    (folder / RECIPE).write_text(text, encoding="utf-8")
