"""The command my-name: prints where a method's map of an image is highest."""

from __future__ import annotations

import numpy as np
import typer

from interp.hookspecs import hookimpl


@hookimpl
def interp_commands(app: typer.Typer) -> None:
    """Add the commands that registry.yaml names."""
    app.command("my-name")(my_name)


def my_name(image: str = "sample", model: str = "creatures-vgg", method: str = "gradcam") -> None:
    """Print where a method's map of IMAGE is highest, as x and y in pixels.

    Example: interp my-name --image photo.jpg --method rise
    """
    import interp

    found = interp.explain(model, image, method=method)
    values = found.map()  # (H, W)
    y, x = np.unravel_index(int(values.argmax()), values.shape)
    typer.echo(f"{image}: x {x}, y {y}")
