"""Draw the documents' pictures: MINT's regions, a creature's path, the filters of its class."""

from pathlib import Path

import numpy as np
from PIL import Image

from interp.request import Request
from interp.run import run
from interp_standard.render.canvas import row

HERE = Path(__file__).parent
TARGETS = ("fenka", "arbo")
GATED = ("own-filters", "gates", "confusion-its-filters-off")
PATH = ("path", "class-unlike-others", "filters-on-in-stage3-1-conv2")


def main() -> None:
    mint = run(Request(method="mint", images=("two",), targets=TARGETS)).drawings
    _save("mint.png", [each for name, each in mint.items() if "-coarse-" in name], 24)
    for method, model, shown in (
        ("decoupling", "creatures-decoupled", PATH),
        ("csg", "creatures-csg", GATED),
    ):
        drawings = run(Request(method=method, model=model)).drawings
        chosen = [each for name, each in drawings.items() if name[3:].startswith(shown)]
        _save(f"{method}.png", chosen, 24)


def _save(name: str, drawings: list[np.ndarray], gap: int) -> None:
    Image.fromarray(row(drawings, gap)).save(HERE / name, optimize=True)


if __name__ == "__main__":
    main()
