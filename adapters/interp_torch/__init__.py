"""PyTorch models for interp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.hookspecs import hookimpl

if TYPE_CHECKING:
    from interp.registry.loading import Registrar


@hookimpl
def interp_register(registrar: Registrar) -> None:
    """The one adapter; torch is imported with it, not before."""
    from interp_torch.opening import open_model

    registrar.add("adapter", "torch", open_model)
