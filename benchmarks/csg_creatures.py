"""Class-specific gates against plain twins: creatures-resnet from scratch, on creatures.

python benchmarks/csg_creatures.py [--explore --train KIND-SEED] [--images N --seeds N]
Writes benchmarks/results/csg_creatures.json; goes on where it was stopped. A seed's networks begin
with the same random weights and the same plain epochs on easy creatures: from labels of whole ones
alone nothing is learned. Then both go on, on whole creatures, with gates and without, on the same
images in the same order; all are measured on the same images.
"""

from __future__ import annotations

from cached import Cached
from csg_study import MEASURES, Start, Study
from study import parse, recipe_folder, seeds

from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures, Easy
from interp_csg.params import CsgParams

SCORED, EXPLORED = (5_200_000, 5_250_000, 5_300_000), (5_000_000, 5_050_000, 5_100_000)
"""Seeds of the images: of the start, of the rest, of the test."""
START = CsgParams(
    gate=False,
    fresh=True,
    epochs=5,
    batch_size=64,
    optimizer="adam",
    rate=1e-3,
    flip=False,
    pad=0,
    drops=(),
)
RECIPE = {
    "epochs": 19,
    "batch_size": 64,
    "optimizer": "adam",
    "rate": 1e-3,
    "gated_rate": 3e-3,
    "gate_rate": 0.02,
    "phase": 2,
    "sparsity": 1.0,
    "warm_up": 3,
    "drops": (0.75,),
    "measured": 2000,
}
PLACES = {
    "activation_localization": {"metric": "activation-localization"},
    "gradient_localization": {"metric": "gradient-localization", "channels": 10},
    "cam_localization": {"metric": "cam-localization"},
}


def main() -> None:
    sizes = {"images": 20_000, "easy": 8000, "test": 2500, "attacked": 500, "seeds": 3}
    arguments = parse(__doc__, "csg_creatures", train=None, trained=None, **sizes)
    begin, train, test = EXPLORED if arguments.explore else SCORED
    params = CsgParams(**{**RECIPE, **arguments.set})
    work = recipe_folder(arguments, START, arguments.easy, params, arguments.images)
    shown = Cached(Creatures(arguments.attacked, test, two=False))
    Study(
        model="creatures-resnet",
        options=ModelOptions(precision="bf16"),
        start=Start(Cached(Easy(arguments.easy, begin)), START),
        train=Cached(Creatures(arguments.images, train, two=False)),
        test=Cached(Creatures(arguments.test, test, two=False)),
        attacked=shown,
        placed=shown,
        params=params,
        seeds=seeds(arguments),
        work=work,
        measures={**MEASURES, **PLACES},
        detector=250,
    ).run(arguments, "csg_creatures")


if __name__ == "__main__":
    main()
