"""The commands that write something, started as new processes in folders of their own."""

from __future__ import annotations

import multiprocessing
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robustness.kill_child import IMPORTED, Disturbance, work
from robustness.kill_content import written

YESTERDAY = Path(__file__).parent.parent / "yesterday"
PLAIN = "--model small_net:plain --input size=16 --classes names.txt --device cpu --batch-size 16"
DEEP = PLAIN.replace("plain", "deep")
IMAGE = "--image colours/red/c2.png"
SEVERAL = "--plugins gradcam,occlusion,rise --set occlusion.window=0.4 --set rise.samples=128"
TRAINED = "--device cpu --batch-size 6 --data colours"
COMMANDS = {
    "run": f"run --plugin rise {PLAIN} {IMAGE} --budget 3000 --out out",
    "run --data": f"run --plugin gradcam {PLAIN} --data colours --limit 6 --out out",
    "compare": f"compare {SEVERAL} {PLAIN} --data colours --limit 3 --out out",
    "evaluate": f"evaluate {SEVERAL} --metrics deletion {PLAIN} --data colours --limit 5 --out out",
    "survey": "survey --plugin csg --model csg-trained --device cpu --data colours --out out",
    "fit chip": f"fit --plugin chip {PLAIN} --data colours --masks 400 --correct false "
    "--layer last --out out",
    "fit csg": f"fit --plugin csg --model small_net:plain --input size=16 {TRAINED} --epochs 4 "
    "--pad 1 --new-head --gate-rate 0.6 --out out",
    "fit decoupling": f"fit --plugin decoupling --model csg-trained {TRAINED} --epochs 3 --pad 1 "
    "--rate 0.05 --out out",
    "fit explainer": f"fit --plugin explainer {DEEP} --data colours --epochs 3 --parts 4 --out out",
    "merge fit": "merge chip-part-0 chip-part-1 --out out",
    "merge evaluate": "merge evaluation-part-0 evaluation-part-1 --out out",
    "data": "data creatures --count 12 --out out",
    "export": "export small_net:plain --input size=16 --classes names.txt --out out.onnx",
    "rerun": "rerun made-run --out out",
    "rerun alone": "rerun made-run",
    "rerun compare": "rerun made-compare --out out",
    "diff": "diff made-run made-other --out out.png",
    "check": "check gradcam --out out.json",
}
"""Every command that writes, on small networks and images."""
MADE = {
    "made-run": f"run --plugin occlusion {PLAIN} {IMAGE} --window 0.4 --out made-run",
    "made-other": f"run --plugin occlusion {PLAIN} {IMAGE} --window 0.3 --out made-other",
    "made-compare": f"compare {SEVERAL} {PLAIN} --data colours --limit 2 --out made-compare",
}
"""Results that some of the commands begin with."""
GIVEN = (
    "colours names.txt small_net.py csg-trained chip-part-0 chip-part-1 evaluation-part-0 "
    "evaluation-part-1"
).split()
RESUMES = ("run", "compare", "evaluate", "fit")
"""Commands that take --resume."""
PATIENCE = 120
"""Seconds that a command may take."""
forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(IMPORTED)


@dataclass(frozen=True)
class Ended:
    """How a process ended: exit code, negative for a signal, and what it said."""

    code: int
    seconds: float
    err: str
    changes: int


class Running:
    """A command that is at work."""

    def __init__(
        self,
        words: str,
        folder: Path,
        disturbance: Disturbance | None = None,
        said: str = "said",
    ) -> None:
        self.said = folder.with_name(f"{folder.name}.{said}")
        Path(f"{self.said}.err").touch()
        self.process = forks.Process(
            target=work, args=(words.split(), folder, self.said, disturbance or Disturbance())
        )
        self.process.start()
        start = Path(f"{self.said}.begun")
        while not start.exists() and self.process.is_alive():
            time.sleep(0.002)
        start.unlink(missing_ok=True)
        self.begun = time.monotonic()

    def signal_at(self, moment: float, number: int) -> None:
        """Send a signal so many seconds after the start, if it runs then."""
        self.process.join(max(0, self.begun + moment - time.monotonic()))
        if self.process.is_alive():
            os.kill(self.process.pid or 0, number)

    def ended(self) -> Ended:
        """Wait until it ends."""
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            raise TimeoutError(f"still running after {PATIENCE} s; see {self.said}.err")
        code, changes = self.process.exitcode, Path(f"{self.said}.changes")
        count = int(changes.read_text()) if changes.exists() else 0
        changes.unlink(missing_ok=True)
        err = Path(f"{self.said}.err").read_text()
        assert code is not None
        return Ended(code, time.monotonic() - self.begun, err, count)


def run(words: str, folder: Path, disturbance: Disturbance | None = None) -> Ended:
    """Run a command to its end."""
    return Running(words, folder, disturbance).ended()


@dataclass
class Bench:
    """A folder for trials, with what the commands need and what they write when left in peace."""

    root: Path
    peace: dict[str, tuple[Ended, dict[str, Any]]] = field(default_factory=dict)
    number: int = 0

    def __post_init__(self) -> None:
        self.given = self.root / "given"
        self.given.mkdir(parents=True)
        for name in GIVEN:
            (self.given / name).symlink_to(YESTERDAY / name)
        _must(run("--version", self.folder("start")))  # everything is imported

    def folder(self, name: str) -> Path:
        """A new working directory with links to what is given."""
        self.number += 1
        made = self.root / f"{self.number:04d}-{name.replace(' ', '-').replace('--', '')}"
        made.mkdir()
        for each in self.given.iterdir():
            (made / each.name).symlink_to(each)
        return made

    def in_peace(self, name: str) -> tuple[Ended, dict[str, Any]]:
        """How a command ends, and what it writes, when nothing disturbs it."""
        for other in MADE if "made-" in COMMANDS[name] else ():
            if not (self.given / other).exists():
                made = self.folder(other)
                _must(run(MADE[other], made))
                (made / other).rename(self.given / other)
        if name not in self.peace:
            folder = self.folder(name)
            self.peace[name] = _must(run(COMMANDS[name], folder)), written(folder)
        return self.peace[name]


def _must(ended: Ended) -> Ended:
    assert ended.code == 0, ended.err
    return ended
