"""Class-specific gates against plain twins: creatures-resnet from scratch, on creatures.

python benchmarks/csg_creatures.py [--explore --train KIND-SEED] [--images N --epochs N --seeds N]
Writes benchmarks/results/csg_creatures.json; goes on where it was stopped. A seed's networks begin
with the same random weights and the same plain epochs on easy creatures: from labels of whole ones
alone nothing is learned. Then both go on, on whole creatures, with gates and without, on the same
images in the same order; all are measured on the same images.
--explore trains on other seeds and writes beside its work, for choosing parameters.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from csg_study import Start, Study, common, recipe_folder
from kept import Kept

from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures, Easy
from interp_csg.params import CsgParams

HERE = Path(__file__).parent
WORK = HERE.parent / "build" / "csg_creatures"
SCORED, EXPLORED = (5_200_000, 5_250_000, 5_300_000), (5_000_000, 5_050_000, 5_100_000)
"""Seeds of the images: of the start, of the rest, of the test."""
MEASURES: dict[str, dict[str, Any]] = {
    "accuracy": {"metric": "csg-accuracy"},
    "mis": {"metric": "mutual-information"},
    "density": {"metric": "gate-density"},
    "filter_correlation": {"metric": "filter-correlation"},
    "class_correlation": {"metric": "class-correlation"},
    "gate_correlation": {"metric": "class-correlation", "of": "gates"},
    "activation_localization": {"metric": "activation-localization"},
    "gradient_localization": {"metric": "gradient-localization", "channels": 10},
    "cam_localization": {"metric": "cam-localization"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--test", type=int, default=2500)
    parser.add_argument("--begin", type=int, default=5, help="plain epochs before the two part")
    parser.add_argument("--easy", type=int, default=8000, help="images of those")
    parser.add_argument("--epochs", type=int, default=19)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--gated-rate", type=float, default=3e-3)
    parser.add_argument("--gate-rate", type=float, default=0.02)
    parser.add_argument("--phase", type=int, default=2)
    parser.add_argument("--sparsity", type=float, default=1.0)
    parser.add_argument("--attacked", type=int, default=500)
    parser.add_argument("--placed", type=int, default=500)
    parser.add_argument("--detector", type=int, default=250, help="images it learns from")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    common(parser, WORK)
    asked = parser.parse_args()
    begin, train, test = EXPLORED if asked.explore else SCORED
    first = 100 if asked.explore else 1
    plain = CsgParams(
        gate=False,
        fresh=True,
        epochs=asked.begin,
        batch_size=asked.batch,
        optimizer="adam",
        rate=asked.rate,
        flip=False,
        pad=0,
        drops=(),
    )
    params = CsgParams(
        epochs=asked.epochs,
        batch_size=asked.batch,
        optimizer="adam",
        rate=asked.rate,
        gated_rate=asked.gated_rate,
        gate_rate=asked.gate_rate,
        phase=asked.phase,
        sparsity=asked.sparsity,
        warm_up=asked.warm_up,
        drops=(0.75,),
        measured=2000,
    )
    recipe = (plain, asked.easy, params, asked.images, asked.precision)
    work = recipe_folder(asked.work, asked.explore, *recipe)
    study = Study(
        model="creatures-resnet",
        options=ModelOptions(precision=asked.precision),
        start=Start(Kept(Easy(asked.easy, begin)), plain),
        train=Kept(Creatures(asked.images, train, two=False)),
        test=Kept(Creatures(asked.test, test, two=False)),
        attacked=Kept(Creatures(asked.attacked, test, two=False)),
        placed=Kept(Creatures(asked.placed, test, two=False)),
        params=params,
        seeds=tuple(range(first, first + asked.seeds)),
        work=work,
        measures=MEASURES,
        detector=asked.detector,
    )
    study.written(asked, "csg_creatures.json")


if __name__ == "__main__":
    main()
