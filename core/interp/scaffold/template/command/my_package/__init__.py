"""A command that prints where a method's map of an image is highest."""

from __future__ import annotations

import numpy as np
import typer
from interp.hookspecs import hookimpl


@hookimpl
def interp_commands(app: typer.Typer) -> None:
    """Add the commands that registry.yaml names."""
    app.command("my-name")(my_name)


def my_name(image: str = "sample", method: str = "gradcam") -> None:
    """Print where the method's map of the image is highest, as x and y in pixels.

    Example: interp my-name --image photo.jpg --method rise
    """
    import interp

    found = interp.explain("creatures-vgg", image, method=method)
    values = found.map()  # (H, W)
    y, x = np.unravel_index(int(values.argmax()), values.shape)
    typer.echo(f"{image}: x {x}, y {y}")
