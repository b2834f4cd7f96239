"""A command, and a panel of the dashboard: where a map is highest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import typer

from interp.hookspecs import hookimpl

if TYPE_CHECKING:
    from interp import Comparison


@hookimpl
def interp_commands(app: typer.Typer) -> None:
    """Add `interp peak`."""
    app.command("peak")(peak)


@hookimpl
def interp_panels() -> dict[str, Callable[[Comparison | None], None]]:
    """Add the page `peaks`."""
    return {"peaks": show}


def peak(image: str = "sample", method: str = "gradcam", model: str = "creatures-vgg") -> None:
    """Print where the method's map of the image is highest, as x and y in pixels."""
    import interp

    values = interp.explain(model, image, method=method).map()
    y, x = np.unravel_index(int(values.argmax()), values.shape)
    typer.echo(f"{image}: x {x}, y {y}")


def show(comparison: Comparison | None) -> None:
    """Name the methods of the visitor's last comparison."""
    import streamlit as st

    st.title("peaks")
    st.write("nothing compared" if comparison is None else ", ".join(comparison.methods))
