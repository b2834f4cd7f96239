"""Network Decoupling: ResNet-56 trained on from its CIFAR-10 weights, beside what it was.

python benchmarks/decoupling_cifar.py [--data DIR] [--explore] [--images N --seeds N]
Writes benchmarks/results/decoupling_cifar.json; goes on where it was stopped. 7 epochs of 20,000
images, where the authors have 200 of 50,000: the numbers are not theirs.
"""

from __future__ import annotations

from pathlib import Path

from cifar import DATA, TEST, TRAIN, WEIGHTS, Cifar, options
from decoupling_study import Study
from study import parse, recipe_folder, report, seeds

from interp_decoupling.params import DecouplingParams

RECIPE = {
    "epochs": 7,
    "batch_size": 128,
    "rate": 0.005,
    "control_rate": 0.1,
    "drops": (0.6, 0.85),
    "information": 0.02,
    "sparsity": 0.02,
    "kept": 0.71,
    "noise": 0.3,
    "distillation": 1.0,
    "holdout": 0.05,
}


def main() -> None:
    sizes = {"depth": 56, "images": 20_000, "test": 2500, "attacked": 500, "seeds": 1}
    arguments = parse(__doc__, "decoupling_cifar", data=str(DATA), **sizes)
    data, begin = Path(arguments.data), 2500 if arguments.explore else 0
    params = DecouplingParams(**{**RECIPE, **arguments.set})
    work = recipe_folder(arguments, arguments.depth, params, arguments.images)
    study = Study(
        model=f"cifar:resnet{arguments.depth}",
        options=options(data, work, WEIGHTS[arguments.depth]),
        train=Cifar(data / TRAIN, arguments.images),
        test=Cifar(data / TEST, arguments.test, begin),
        attacked=Cifar(data / TEST, arguments.attacked, begin),
        params=params,
        seeds=seeds(arguments),
        work=work,
        twins=False,
    )
    report(arguments, "decoupling_cifar", work, study.report())


if __name__ == "__main__":
    main()
