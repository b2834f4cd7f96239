"""Network Decoupling: the creatures networks trained on, beside what they were and plain twins.

python benchmarks/decoupling_creatures.py [--model M --explore --images N --epochs N --seeds N]
Writes benchmarks/results/decoupling_MODEL.json; goes on where it was stopped. --trained FOLDER
measures a network that is there, as the shipped one, instead of training the first. --explore
trains on other seeds and writes beside its work, for choosing parameters.
"""

from __future__ import annotations

import argparse
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

from decoupling_study import Study, write_report
from kept import Kept

from interp.spec import ModelOptions
from interp_creatures.dataset import Creatures
from interp_creatures.species import CLASSES, DEFINING
from interp_decoupling.params import DecouplingParams

HERE = Path(__file__).parent
WORK = HERE.parent / "build" / "decoupling_creatures"
SCORED, EXPLORED = (6_200_000, 6_300_000), (6_000_000, 6_100_000)
"""Seeds of the images: train, test."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="creatures-resnet")
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--test", type=int, default=2000)
    parser.add_argument("--attacked", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--trained", type=Path, help="a decoupled network's folder: seed 1")
    parser.add_argument("--twins", action="store_true", help="train plain twins too")
    parser.add_argument("--explore", action="store_true")
    parser.add_argument("--work", type=Path, default=WORK)
    asked = parser.parse_args()
    train, test = EXPLORED if asked.explore else SCORED
    first = 100 if asked.explore else 1
    kind = "explored" if asked.explore else "scored"
    work = asked.work / f"{kind}-{asked.model}-{asked.images}-{asked.epochs}"
    if asked.trained is not None:
        shutil.copytree(asked.trained, work / f"decoupled-{first}", dirs_exist_ok=True)
    pictures = Kept(Creatures(asked.test, test, two=False))
    study = Study(
        model=asked.model,
        options=ModelOptions(),
        train=Kept(Creatures(asked.images, train, two=False)),
        test=pictures,
        attacked=Kept(Creatures(asked.attacked, test, two=False)),
        params=DecouplingParams(
            epochs=asked.epochs,
            concepts=str(_concepts(work)),
        ),
        seeds=tuple(range(first, first + asked.seeds)),
        work=work,
        twins=asked.twins,
    )
    results = HERE / "results" / f"decoupling_{asked.model}.json"
    out = work / "report.json" if asked.explore else results
    write_report(study, out, datetime.now(UTC).isoformat(timespec="seconds"))


def _concepts(work: Path) -> Path:
    """The shapes of each class's defining parts in a file, as survey is told them."""
    work.mkdir(parents=True, exist_ok=True)
    path = work / "concepts.json"
    values = {
        part: {name: shapes[at] for name, shapes in CLASSES.items()}
        for at, part in enumerate(DEFINING)
    }
    path.write_text(json.dumps(values))
    return path


if __name__ == "__main__":
    main()
