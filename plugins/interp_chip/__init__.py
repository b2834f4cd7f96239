"""CHIP: class-level channel knowledge from perturbed networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.hookspecs import hookimpl

if TYPE_CHECKING:
    from interp.registry.loading import Registrar


@hookimpl
def interp_register(registrar: Registrar) -> None:
    """The one method."""
    from interp_chip.method import Chip

    registrar.add("method", "chip", Chip)
