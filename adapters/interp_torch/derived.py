"""Models that a method made of another: a recipe and weights in a folder."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors.torch import save_file
from torch import nn

from interp.errors import InputError, ModelError, UnsupportedError
from interp.spec import ModelOptions
from interp_torch.weights import line

LIVE = "python:"
"""Begins the source of a module that was given as an object: nothing opens it again."""

RECIPE, WEIGHTS = "model.json", "weights.safetensors"


class Recipe(BaseModel):
    """How a derived model is made again: open the base, call the builder, load the weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    base_options: ModelOptions = ModelOptions()
    builder: str
    params: dict[str, object] = {}
    classes: tuple[str, ...] | None = None
    """Where they are others than the base's."""


def read_recipe(folder: Path) -> Recipe:
    """The recipe in a derived model's folder."""
    path = folder / RECIPE
    try:
        return Recipe.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{folder} is no model: no {RECIPE} in it") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or RECIPE
        raise ModelError(f"{path}: {where}: {first['msg']}") from error


def write_derived(module: nn.Module, recipe: Recipe, folder: Path) -> None:
    """Write recipe and weights into a folder that is there."""
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


def save_derived(module: nn.Module, recipe: Recipe, folder: Path) -> Path:
    """Write recipe and weights beside the folder's final place, then rename."""
    if folder.exists():
        raise InputError(f"{folder} is in place already; choose another folder")
    partial = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        partial.chmod(0o755)
        write_derived(module, recipe, partial)
        partial.rename(folder)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {line(error)}") from error
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
    return folder
