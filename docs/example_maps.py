"""Draws the example that the dashboard shows before a first run: its default methods' maps."""

from __future__ import annotations

from html import escape

from interp.comparison.compare import compare
from interp.comparison.result import ComparisonRequest
from interp.comparison.verdict import verdict
from interp.opening.source import open_model
from interp.registry import Registry
from interp.report.picture import Painter, Picture
from interp.report.section import section
from interp.session import Session
from interp.spec import ModelOptions
from interp_dashboard.layout import EXAMPLE
from interp_dashboard.link import Selection
from interp_dashboard.usual import usual_methods

WIDTH = 260


def main() -> None:
    """Compare the default methods on the default image with all samples, and keep the maps."""
    registry, selection = Registry.load(), Selection()
    model = open_model(selection.model, ModelOptions(device="cpu"), registry)
    methods = usual_methods(registry, model.spec.fingerprint)
    request = ComparisonRequest(methods=methods, model=selection.model, images=selection.images)
    found = compare(request, Session(registry, model))
    record, case = found.records[0], found.cases[0]
    drawn = section(Painter(registry, WIDTH), found, record, case, further=False)
    (group,) = drawn.groups
    maps = [(each.method, each.picture) for each in group.panels if each.picture is not None]
    said = " ".join(verdict(found, record, group.target).sentences())
    EXAMPLE.write_text(
        '<section class="example" aria-label="An example">\n'
        f"<p><b>An example:</b> why {found.model.name} says {escape(group.target)} on this image. "
        f"<span>{escape(said)}</span></p>\n<div>\n"
        + "\n".join(_figure(*each) for each in [("the image", drawn.photo), *maps])
        + "\n</div>\n</section>\n",
        "utf-8",
    )


def _figure(name: str, picture: Picture) -> str:
    size = f'width="{picture.width}" height="{picture.height}"'
    image = f'<img src="{picture.uri}" alt="{escape(picture.alt)}" {size}>'
    return f"<figure>{image}<figcaption>{escape(name)}</figcaption></figure>"


if __name__ == "__main__":
    main()
