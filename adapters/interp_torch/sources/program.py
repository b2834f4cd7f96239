"""The source `FILE.pt2`: a program written by torch.export.save."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from interp.errors import ModelError, first_line
from interp_torch.graph import from_program
from interp_torch.sources.opened import Opened


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
    shape = _example_shape(program)
    if not isinstance(shape[0], torch.SymInt):
        raise ModelError(
            f"{path} was exported for {shape[0]} image(s) at a time; export it again with "
            "dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)"
        )
    graph = from_program(program)
    fixed = all(isinstance(each, int) for each in shape[2:])
    sized: dict[str, object] = {"size": tuple(shape[2:])} if fixed else {}
    tensors = {**program.state_dict, **program.constants}
    return Opened(graph.module, path.stem, True, graph, tensors, sized, file=path)


def _example_shape(program: torch.export.ExportedProgram) -> list[Any]:
    """The shape of the program's one image input; free sizes are symbols."""
    names = program.graph_signature.user_inputs
    values = [node.meta.get("val") for node in program.graph.nodes if node.name in names]
    shape = list(getattr(values[0], "shape", ())) if len(values) == 1 else []
    if len(shape) != 4 or shape[1] != 3:
        raise ModelError(f"the program takes {names}; expected one batch of images (N, 3, h, w)")
    return shape
