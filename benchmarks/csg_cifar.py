"""Class-specific gates against plain twins: ResNet-20 trained on from its CIFAR-10 weights.

python benchmarks/csg_cifar.py [--data DIR] [--explore --train KIND-SEED]
Writes benchmarks/results/csg_cifar.json; goes on where it was stopped. 31 epochs of 20,000 images,
where the authors have 150 of 50,000 from scratch: the numbers are not theirs.
"""

from __future__ import annotations

from pathlib import Path

from cifar import DATA, TEST, TRAIN, WEIGHTS, Cifar, options
from csg_study import MEASURES, Study
from study import parse, recipe_folder, seeds

from interp_csg.params import CsgParams

RECIPE = {
    "schedule": "small",
    "epochs": 31,
    "batch_size": 256,
    "rate": 0.01,
    "gated_rate": 0.1,
    "gate_rate": 0.02,
    "phase": 1,
    "drops": (0.6, 0.85),
}


def main() -> None:
    sizes = {"images": 20_000, "test": 2500, "attacked": 1000, "seeds": 3}
    arguments = parse(__doc__, "csg_cifar", data=str(DATA), train=None, trained=None, **sizes)
    data, begin = Path(arguments.data), 2500 if arguments.explore else 0
    params = CsgParams(**{**RECIPE, **arguments.set})
    work = recipe_folder(arguments, params, arguments.images)
    Study(
        model="cifar:resnet20",
        options=options(data, work, WEIGHTS[20]),
        train=Cifar(data / TRAIN, arguments.images),
        test=Cifar(data / TEST, arguments.test, begin),
        attacked=Cifar(data / TEST, arguments.attacked, begin),
        placed=None,
        params=params,
        seeds=seeds(arguments),
        work=work,
        measures=MEASURES,
        detector=500,
    ).run(arguments, "csg_cifar")


if __name__ == "__main__":
    main()
