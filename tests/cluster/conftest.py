"""Images in folders of their classes, and what one process makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.folder_commands import COMMANDS

from interp.registry import Registry
from interp.session import Session

CLASSES = ("fenka", "arbo", "jorla")


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five images of noise in three folders, and one file that is no image."""
    return noise(tmp_path_factory.mktemp("few") / "photos", 5)


@pytest.fixture(scope="session")
def many_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with more images, for work that takes some time."""
    return noise(tmp_path_factory.mktemp("many") / "photos", 16)


def noise(folder: Path, count: int) -> Path:
    """Images of noise in folders of their classes, and one file that is no image."""
    random = np.random.default_rng(0)
    for number in range(count):
        place = folder / CLASSES[number % 3]
        place.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (48, 64, 3), np.uint8)
        Image.fromarray(pixels).save(place / f"photo {number}.png")
    (folder / CLASSES[1] / "torn.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="session")
def alone(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """alone(command, photos): what one process makes of the photos, once for all tests."""
    made: dict[Any, Any] = {}

    def result(command: str, photos: Path) -> Any:
        if (command, photos) not in made:
            out = tmp_path_factory.mktemp("alone") / command
            made[command, photos] = COMMANDS[command](photos, out, Session(registry))
        return made[command, photos]

    return result
