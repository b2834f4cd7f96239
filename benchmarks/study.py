"""The command line and work folder that the studies of methods that train share."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

from record import record

BUILD = Path(__file__).parent.parent / "build"


def parse(doc: str | None, name: str, **defaults: Any) -> argparse.Namespace:
    """The arguments of the study `name`: each default is an option, and these are added.

    `--explore` is for choosing parameters: other seeds and images, and results in the work folder.
    `--set NAME=VALUE` changes a parameter of the method. The namespace has `first`, the first seed.
    """
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    for option, value in defaults.items():
        kind = str if value is None else type(value)
        parser.add_argument(f"--{option.replace('_', '-')}", type=kind, default=value)
    parser.add_argument("--explore", action="store_true", help="other seeds and images")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--work", type=Path, default=BUILD / name)
    arguments = parser.parse_args()
    pairs = (each.split("=", 1) for each in arguments.set)
    arguments.set = {option: json.loads(value) for option, value in pairs}
    arguments.first = 100 if arguments.explore else 1
    return arguments


def seeds(arguments: argparse.Namespace) -> tuple[int, ...]:
    return tuple(range(arguments.first, arguments.first + arguments.seeds))


def recipe_folder(arguments: argparse.Namespace, *recipe: object) -> Path:
    """Where networks of this recipe are kept; another recipe has another folder."""
    kind = "explored" if arguments.explore else "scored"
    return arguments.work / f"{kind}-{hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]}"


def report(arguments: argparse.Namespace, name: str, work: Path, found: dict[str, Any]) -> None:
    """Record results, those of an exploration in its work folder."""
    record(name, found, work / "report.json" if arguments.explore else None)
