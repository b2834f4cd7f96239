"""Draw README's picture, docs/mint.png: MINT's region for each of two creatures in one image."""

from pathlib import Path

from PIL import Image

from interp.request import Request
from interp.run import run
from interp_standard.render.canvas import column

TARGETS = ("fenka", "arbo")


def main() -> None:
    result = run(Request(method="mint", images=("two",), targets=TARGETS))
    coarse = [result.drawings[name] for name in result.drawings if "-coarse-" in name]
    Image.fromarray(column(coarse, 8)).save(Path(__file__).with_name("mint.png"), optimize=True)


if __name__ == "__main__":
    main()
