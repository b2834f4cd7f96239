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
    folder = tmp_path_factory.mktemp("data") / "photos"
    random = np.random.default_rng(0)
    for number in range(5):
        place = folder / CLASSES[number % 3]
        place.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (48, 64, 3), np.uint8)
        Image.fromarray(pixels).save(place / f"photo {number}.png")
    (folder / CLASSES[1] / "torn.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="session")
def alone(
    photos: Path, registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Any]:
    """alone(command): what one process makes of the photos, once for all tests."""
    made: dict[str, Any] = {}

    def result(command: str) -> Any:
        if command not in made:
            out = tmp_path_factory.mktemp("alone") / command
            made[command] = COMMANDS[command](photos, out, Session(registry))
        return made[command]

    return result
