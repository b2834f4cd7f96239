"""The source `package.module:factory`."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import nn

from interp.errors import ModelError, users_code
from interp.opening.python_object import current_folder, find_object
from interp.spec import ModelOptions
from interp_torch.sources.arguments import split_arguments
from interp_torch.sources.opened import RANDOM, RANDOM_NOTE, Opened
from interp_torch.weights import load_weights


def open_factory(source: str, options: ModelOptions) -> Opened:
    """`package.module:factory` called, with the arguments after `@` if any.

        open_factory("nets:build@width=32", ModelOptions(weights="best.ckpt"))

    It is filled from the options' weights; with "random" it stays as the factory made it.
    """
    path, arguments = split_arguments(source)
    module, _, name = path.partition(":")
    with current_folder(), users_code(f"{source} cannot be called"):
        factory = find_object(module, name)
        ready = isinstance(factory, nn.Module) and not arguments
        with torch.random.fork_rng(devices=[]):  # random weights are not the program's numbers
            made = factory if ready else factory(**arguments)
    if not isinstance(made, nn.Module):
        raise ModelError(f"{source} gave a {type(made).__name__}; expected a torch.nn.Module")
    owned = made is not factory
    if options.weights is None or options.weights == RANDOM:
        notes = (RANDOM_NOTE,) if options.weights else ()
        return Opened(made, name, owned, notes=notes)
    made = made if owned else copy.deepcopy(made)
    file = Path(options.weights)
    return Opened(made, name, owned, file=file, notes=load_weights(made, file))
