"""MINT: one class explained at two scales at once, by regions and by their pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp.hookspecs import hookimpl

if TYPE_CHECKING:
    from interp.registry.loading import Registrar


@hookimpl
def interp_register(registrar: Registrar) -> None:
    """The method."""
    from interp_mint.method import Mint

    registrar.add("method", "mint", Mint)
