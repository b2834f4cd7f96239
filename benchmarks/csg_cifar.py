"""Class-specific gates against plain twins: ResNet-20 trained on from its CIFAR-10 weights.

python benchmarks/csg_cifar.py [--data DIR] [--full] [--explore --train KIND-SEED]
Writes benchmarks/results/csg_cifar.json; goes on where it was stopped. 31 epochs of 20,000 images,
where the authors have 150 of 50,000 from scratch: the numbers are not theirs. --full is 150 epochs
of the 20,000 from scratch, for a GPU, and writes csg_cifar_full.json.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cifar import DATA, TEST, TRAIN, WEIGHTS, Cifar, options
from csg_study import Study, common, recipe_folder

from interp_csg.params import CsgParams

HERE = Path(__file__).parent
WORK = HERE.parent / "build" / "csg_cifar"
MEASURES: dict[str, dict[str, Any]] = {
    "accuracy": {"metric": "csg-accuracy"},
    "mis": {"metric": "mutual-information"},
    "density": {"metric": "gate-density"},
    "filter_correlation": {"metric": "filter-correlation"},
    "class_correlation": {"metric": "class-correlation"},
    "gate_correlation": {"metric": "class-correlation", "of": "gates"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--test", type=int, default=2500)
    parser.add_argument("--epochs", type=int, default=31)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rate", type=float, default=0.01)
    parser.add_argument("--gated-rate", type=float, default=0.1)
    parser.add_argument("--gate-rate", type=float, default=0.02)
    parser.add_argument("--phase", type=int, default=1)
    parser.add_argument("--attacked", type=int, default=1000)
    parser.add_argument("--detector", type=int, default=500, help="images it learns from")
    parser.add_argument("--full", action="store_true", help="the schedule `small`, from scratch")
    common(parser, WORK)
    asked = parser.parse_args()
    if not asked.data.is_dir():
        print(f"{asked.data} is not here: nothing is measured; name the folder with --data")
        return
    first = 100 if asked.explore else 1
    params = CsgParams(
        schedule="small",
        epochs=asked.epochs,
        batch_size=asked.batch,
        rate=asked.rate,
        gated_rate=asked.gated_rate,
        gate_rate=asked.gate_rate,
        phase=asked.phase,
        drops=(0.6, 0.85),
    )
    if asked.full:
        params = CsgParams(schedule="small", fresh=True)
    work = recipe_folder(asked.work, asked.explore, params, asked.images)
    study = Study(
        model="cifar:resnet20",
        options=options(asked.data, work, WEIGHTS[20]),
        train=Cifar(asked.data / TRAIN, asked.images),
        test=Cifar(asked.data / TEST, asked.test, 2500 if asked.explore else 0),
        attacked=Cifar(asked.data / TEST, asked.attacked, 2500 if asked.explore else 0),
        placed=None,
        params=params,
        seeds=tuple(range(first, first + asked.seeds)),
        work=work,
        measures=MEASURES,
        detector=asked.detector,
    )
    study.written(asked, "csg_cifar_full.json" if asked.full else "csg_cifar.json")


if __name__ == "__main__":
    main()
