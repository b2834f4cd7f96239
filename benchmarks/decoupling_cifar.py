"""Network Decoupling: ResNet-56 trained on from its CIFAR-10 weights, beside what it was.

python benchmarks/decoupling_cifar.py [--data DIR] [--explore] [--images N --epochs N --seeds N]
Writes benchmarks/results/decoupling_cifar.json; goes on where it was stopped. 7 epochs of 20,000
images, where the authors have 200 of 50,000: the numbers are not theirs.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from cifar import DATA, TEST, TRAIN, WEIGHTS, Cifar, options
from decoupling_study import Study, write_report

from interp_decoupling.params import DecouplingParams

HERE = Path(__file__).parent
WORK = HERE.parent / "build" / "decoupling_cifar"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--depth", type=int, default=56, choices=WEIGHTS)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--test", type=int, default=2500)
    parser.add_argument("--attacked", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.005)
    parser.add_argument("--control-rate", type=float, default=0.1)
    parser.add_argument("--information", type=float, default=0.02)
    parser.add_argument("--sparsity", type=float, default=0.02)
    parser.add_argument("--kept", type=float, default=0.71)
    parser.add_argument("--noise", type=float, default=0.3)
    parser.add_argument("--distillation", type=float, default=1.0)
    parser.add_argument("--explore", action="store_true", help="other seeds, other test images")
    parser.add_argument("--work", type=Path, default=WORK)
    asked = parser.parse_args()
    if not asked.data.is_dir():
        print(f"{asked.data} is not here: nothing is measured; name the folder with --data")
        return
    study = _study(asked)
    results = HERE / "results" / "decoupling_cifar.json"
    out = study.work / "report.json" if asked.explore else results
    write_report(study, out, datetime.now(UTC).isoformat(timespec="seconds"))


def _study(asked: argparse.Namespace) -> Study:
    first = 100 if asked.explore else 1
    kind = "explored" if asked.explore else "scored"
    named = [kind, asked.depth, asked.images, asked.epochs, asked.rate, asked.control_rate]
    named += [asked.information, asked.sparsity, asked.kept, asked.noise, asked.distillation]
    work = asked.work / "-".join(map(str, named))
    begin = 2500 if asked.explore else 0
    return Study(
        model=f"cifar:resnet{asked.depth}",
        options=options(asked.data, work, WEIGHTS[asked.depth]),
        train=Cifar(asked.data / TRAIN, asked.images),
        test=Cifar(asked.data / TEST, asked.test, begin),
        attacked=Cifar(asked.data / TEST, asked.attacked, begin),
        params=DecouplingParams(
            epochs=asked.epochs,
            batch_size=128,
            rate=asked.rate,
            control_rate=asked.control_rate,
            drops=(0.6, 0.85),
            information=asked.information,
            sparsity=asked.sparsity,
            kept=asked.kept,
            noise=asked.noise,
            distillation=asked.distillation,
            holdout=0.05,
        ),
        seeds=tuple(range(first, first + asked.seeds)),
        work=work,
        twins=False,
    )


if __name__ == "__main__":
    main()
