"""Network Decoupling against plain twins: ResNet-20, trained first, on CIFAR-10.

python benchmarks/decoupling_cifar.py [--data DIR] [--explore] [--images N --epochs N --seeds N]
Writes benchmarks/results/decoupling_cifar.json; goes on where it was stopped. Fewer images and
epochs than the authors': accuracies are not theirs.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from csg_cifar import DATA, OPTIONS, Cifar
from decoupling_study import Study, write_report

from interp_decoupling.params import DecouplingParams

HERE = Path(__file__).parent
WORK = HERE.parent / "build" / "decoupling_cifar"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--test", type=int, default=2500)
    parser.add_argument("--attacked", type=int, default=500)
    parser.add_argument("--first", type=int, default=60, help="epochs of the plain network")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--information", type=float, default=0.01)
    parser.add_argument("--sparsity", type=float, default=1.5e-4)
    parser.add_argument("--kept", type=float, default=0.0)
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
    """The study, which trains a plain network from scratch for each seed before it is asked for."""
    first = 100 if asked.explore else 1
    kind = "explored" if asked.explore else "scored"
    named = [kind, asked.images, asked.first, asked.epochs, asked.rate, asked.information]
    work = asked.work / "-".join(map(str, [*named, asked.sparsity, asked.kept]))
    begin = 2500 if asked.explore else 0
    test = Cifar(asked.data / "test_5000.npz", asked.test, begin)

    def plain(seed: int) -> str:
        folder = work / f"plain-{seed}"
        said: dict[str, Any] = {"gate": False, "fresh": True, "epochs": asked.first, "rate": 0.1}
        study.fitted("csg_cifar:resnet20", folder, said, seed)
        return str(folder)

    study = Study(
        model=plain,
        options=OPTIONS.model_copy(update={"classes": str(_classes(asked.data, work))}),
        train=Cifar(asked.data / "train_20000.npz", asked.images),
        test=test,
        attacked=Cifar(asked.data / "test_5000.npz", asked.attacked, begin),
        params=DecouplingParams(
            epochs=asked.epochs,
            rate=asked.rate,
            information=asked.information,
            sparsity=asked.sparsity,
            kept=asked.kept,
        ),
        seeds=tuple(range(first, first + asked.seeds)),
        work=work,
    )
    return study


def _classes(data: Path, work: Path) -> Path:
    """The class names in a file, as a model is told them."""
    work.mkdir(parents=True, exist_ok=True)
    path = work / "classes.txt"
    path.write_text("\n".join(Cifar(data / "test_5000.npz", 1).classes) + "\n")
    return path


if __name__ == "__main__":
    main()
