"""The sources `FILE.pt2`, written by torch.export.save, and `FILE.pt`, a TorchScript program."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from interp.errors import ModelError, first_line
from interp_torch.graph import from_program
from interp_torch.sources.opened import NO_LAYERS, Opened


def open_program(path: Path) -> Opened:
    """A file written by torch.export.save, exported for any batch size."""
    if not path.is_file():
        raise ModelError(f"no model file {path}; check the path")
    try:
        program = torch.export.load(path)
    except Exception as error:  # torch.load's errors are of every kind
        raise ModelError(
            f"{path} cannot be read as a torch.export file: {first_line(error)}"
        ) from error
    return from_export(program, str(path), path)


def from_export(
    program: torch.export.ExportedProgram, name: str, file: Path | None = None
) -> Opened:
    """A program of torch.export that is open already."""
    shape = _example_shape(program)
    if not isinstance(shape[0], torch.SymInt):
        raise ModelError(
            f"{name} was exported for {shape[0]} image(s) at a time; export it again with "
            "dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)"
        )
    graph = from_program(program)
    fixed = all(isinstance(each, int) for each in shape[2:])
    sized: dict[str, object] = {"size": tuple(shape[2:])} if fixed else {}
    tensors = {**program.state_dict, **program.constants}
    stem, owned = (name, False) if file is None else (file.stem, True)
    return Opened(graph.module, stem, owned, graph, tensors, sized, shape[1], file=file)


SCRIPT_NOTE = (
    "a TorchScript program: its scores and gradients can be explained, its layers cannot be read; "
    "open the model by package.module:factory for these"
)


class Script(nn.Module):
    """A TorchScript program as an ordinary module, in evaluation mode."""

    def __init__(self, script: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.script = script
        self.eval()

    def forward(self, image: Tensor) -> Any:
        """The program's answer."""
        return self.script(image)

    def train(self, mode: bool = True) -> Script:
        """Evaluation mode whatever the mode: a frozen program has no other."""
        self.training = False
        if hasattr(self.script, "training"):
            self.script.train(False)
        return self


def open_script(path: Path) -> Opened:
    """A file written by torch.jit.save. It can run code of its own: open only what you trust."""
    if not path.is_file():
        raise ModelError(f"no model file {path}; check the path")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that TorchScript is going to leave PyTorch
            script = torch.jit.load(path, map_location="cpu")
    except Exception as error:  # of many kinds
        damaged = "" if "constants.pkl" in str(error) else f" ({first_line(error)})"
        raise ModelError(
            f"{path} holds no TorchScript program{damaged}; if it holds weights, give "
            f"package.module:factory with --weights {path}"
        ) from error
    return from_script(script, path.stem, owned=True, file=path)


def from_script(
    script: torch.jit.ScriptModule, name: str, owned: bool = False, file: Path | None = None
) -> Opened:
    """A TorchScript program that is open already."""
    with torch.no_grad():  # else the copy's weights have a history, of which PyTorch warns
        module = Script(script if owned else copy.deepcopy(script))
    return Opened(module, name, True, file=file, notes=(SCRIPT_NOTE,), lacking=NO_LAYERS)


def _example_shape(program: torch.export.ExportedProgram) -> list[Any]:
    """The shape of the program's one image input; free sizes are symbols."""
    names = program.graph_signature.user_inputs
    values = [node.meta.get("val") for node in program.graph.nodes if node.name in names]
    shape = list(getattr(values[0], "shape", ())) if len(values) == 1 else []
    if len(shape) != 4 or not isinstance(shape[1], int):
        raise ModelError(f"the program takes {names}; expected one batch of images (N, C, h, w)")
    return shape
