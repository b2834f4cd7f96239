"""An environment that holds the wheel alone: interp as people install it, without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
OFFLINE = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")
LIMIT = 1800
"""Seconds that a command may take."""


@dataclass(frozen=True)
class Fresh:
    """A new environment, which sees the packages of this one behind its own."""

    folder: Path

    @classmethod
    def build(cls, folder: Path) -> Fresh:
        """One with the wheel of interp; its folder is also where its commands run."""
        made = cls.seeing(folder)
        hatch = (sys.executable, "-m", "hatchling", "build")
        started(*hatch, "-t", "wheel", "-d", folder, folder=ROOT)
        made.install(next(folder.glob("*.whl")))
        return made

    @classmethod
    def seeing(cls, folder: Path) -> Fresh:
        """A new environment that has what this one has, the checkout where that is installed."""
        venv.create(folder / "venv", with_pip=False)
        made = cls(folder)
        own = made.script("import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        seen = sysconfig.get_path("purelib")
        (Path(own) / "seen.pth").write_text(f"import site; site.addsitedir({seen!r})\n")
        return made

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "venv/bin/python"

    def install(self, *words: object) -> None:
        """Install by pip, offline."""
        pip = (sys.executable, "-m", "pip", "--python", self.python, "install")
        started(*pip, *OFFLINE, *words, folder=self.folder)

    def run(self, *words: object, **environment: str) -> str:
        """What `python -m WORDS` prints; it must succeed."""
        return started(self.python, "-P", "-m", *words, folder=self.folder, **environment)

    def script(self, code: str) -> str:
        """What a script prints; it must succeed."""
        return started(self.python, "-P", "-c", code, folder=self.folder)


def started(*words: object, folder: Path | None = None, **environment: str) -> str:
    """What a command prints; it must succeed."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout
