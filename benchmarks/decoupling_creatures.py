"""Network Decoupling: the creatures networks trained on, beside what they were and plain twins.

python benchmarks/decoupling_creatures.py [--model M --explore --images N --seeds N --twins 1]
Writes benchmarks/results/decoupling_MODEL.json; goes on where it was stopped. --trained FOLDER
measures a network that is there, as the shipped one, instead of training the first.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from cached import Cached
from decoupling_study import Study
from study import parse, recipe_folder, report, seeds

from interp.spec import ModelOptions
from interp.storage.folder import write_json
from interp_creatures.dataset import Creatures
from interp_creatures.species import CLASSES, DEFINING
from interp_decoupling.params import DecouplingParams

SCORED, EXPLORED = (6_200_000, 6_300_000), (6_000_000, 6_100_000)
"""Seeds of the images: train, test."""


def main() -> None:
    sizes = {"images": 20_000, "test": 2000, "attacked": 500, "seeds": 1, "twins": 0}
    arguments = parse(
        __doc__, "decoupling_creatures", model="creatures-resnet", trained=None, **sizes
    )
    train, test = EXPLORED if arguments.explore else SCORED
    recipe = {"epochs": 8, **arguments.set}
    work = recipe_folder(arguments, arguments.model, arguments.images, recipe)
    if arguments.trained is not None:
        place = work / f"decoupled-{arguments.first}"
        shutil.copytree(arguments.trained, place, dirs_exist_ok=True)
    study = Study(
        model=arguments.model,
        options=ModelOptions(),
        train=Cached(Creatures(arguments.images, train, two=False)),
        test=Cached(Creatures(arguments.test, test, two=False)),
        attacked=Cached(Creatures(arguments.attacked, test, two=False)),
        params=DecouplingParams(**recipe, concepts=str(_concepts(work))),
        seeds=seeds(arguments),
        work=work,
        twins=bool(arguments.twins),
    )
    report(arguments, f"decoupling_{arguments.model}", work, study.report())


def _concepts(work: Path) -> Path:
    """A file with the shapes of each class's defining parts, as the survey reads it."""
    work.mkdir(parents=True, exist_ok=True)
    path = work / "concepts.json"
    write_json(
        path,
        {
            part: {name: shapes[at] for name, shapes in CLASSES.items()}
            for at, part in enumerate(DEFINING)
        },
    )
    return path


if __name__ == "__main__":
    main()
