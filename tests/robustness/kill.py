"""Ends commands at random moments, runs them again, and compares with a run left in peace.

    python -m robustness.kill 200

ends that many commands and prints a table. Each process is forked from one that has imported
everything, so that it costs its work alone.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from robustness.kill_child import IMPORTED, Disturbance, work
from safetensors.numpy import load_file

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
TIMES = {"seconds", "written", "explaining", "measuring"}
"""Keys of what differs from run to run."""
TIMED = re.compile(
    r"\d+(\.\d+)?(?= s\b)|(?<=number\">)[\d.]+(?=</td></tr>)|(?<=written</dt><dd>)[^<]+"
)
"""Seconds and times in texts."""
EMBEDDED = re.compile(r"data:image/png;base64,([\w+/=]+)")
NUMBER = re.compile(r"(-?\d+\.\d+(?:e-?\d+)?)")
TOLERANCE = 1e-4
"""Largest difference of numbers, relative to the larger or to 1; of arrays, to their largest."""
LEVEL = 4
"""Largest difference of the levels of a pixel in a picture, of 255."""

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


def written(folder: Path) -> dict[str, Any]:
    """What a command wrote into a folder, by path, without times."""
    found = {}
    for each in sorted(folder.rglob("*")):
        name = each.relative_to(folder).as_posix()
        if not each.is_symlink() and "__pycache__" not in name:
            found[name] = None if each.is_dir() else _content(each)
    return found


def _content(file: Path) -> Any:
    if file.suffix == ".json":
        return _untimed(json.loads(file.read_text()))
    if file.suffix in {".html", ".md", ".csv"}:
        text, *pictures = EMBEDDED.split(file.read_text())
        pixels = [np.asarray(Image.open(BytesIO(b64decode(each)))) for each in pictures[::2]]
        return [TIMED.sub("N", "".join([text, *pictures[1::2]])), *pixels]
    if file.suffix == ".safetensors":
        return load_file(file)
    if file.suffix == ".png":
        return np.asarray(Image.open(file))
    return hashlib.sha256(file.read_bytes()).hexdigest()


def alike(first: Any, second: Any) -> bool:
    """Whether two contents are equal, up to the rounding of numbers."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(
            alike(each, second[key]) for key, each in first.items()
        )
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(alike, first, second))
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        if first.shape != second.shape or first.dtype != second.dtype:
            return False
        apart = np.abs(first.astype(float) - second.astype(float)).max(initial=0)
        scale = np.abs(first.astype(float)).max(initial=0)
        return bool(apart <= (LEVEL if first.dtype == np.uint8 else TOLERANCE * scale))
    if isinstance(first, float) and isinstance(second, float):
        return abs(first - second) <= TOLERANCE * max(1, abs(first), abs(second))
    if isinstance(first, str) and isinstance(second, str) and first != second:
        parts, others = NUMBER.split(first), NUMBER.split(second)
        return parts[::2] == others[::2] and alike(
            [float(each) for each in parts[1::2]], [float(each) for each in others[1::2]]
        )
    return bool(first == second)


def _untimed(value: Any) -> Any:
    """JSON without times, and without the checksums of files that hold times."""
    if isinstance(value, list):
        return [_untimed(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: sorted(each) if key == "files" else _untimed(each)
        for key, each in value.items()
        if key not in TIMES
    }


@dataclass
class Trial:
    """One command, disturbed once or several times and then run again, and what was wrong."""

    bench: Bench
    name: str
    folder: Path = field(init=False)
    faults: dict[str, str] = field(default_factory=dict)
    kept: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """Files of finished images, with inode and time of change."""
    records: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bench.in_peace(self.name)
        self.folder = self.bench.folder(self.name)

    def killed(self, chance: random.Random) -> bool:
        """Kill the command; False where it was done before."""
        peace = self.bench.in_peace(self.name)[0]
        if chance.random() < 0.5:
            at = Disturbance(at=chance.randint(1, max(1, peace.changes)))
            ended = run(self.again(chance), self.folder, at)
        else:
            running = Running(self.again(chance), self.folder)
            number = chance.choice([signal.SIGKILL] * 4 + [signal.SIGTERM, signal.SIGINT])
            running.signal_at(chance.uniform(0, peace.seconds), number)
            ended = running.ended()
        self.note_kept()
        if ended.code == 130:
            self.check_one_line(ended)
        elif ended.code not in (0, -signal.SIGKILL):
            self._check_refusal(ended)
        return ended.code in (130, -signal.SIGKILL)

    def without_room(self, chance: random.Random) -> Ended:
        """The command on a full disk: from some change on, or for files above some size."""
        changes = self.bench.in_peace(self.name)[0].changes
        full = Disturbance(at=chance.randint(1, changes), kind="full")
        if chance.random() < 0.5:
            full = Disturbance(largest=chance.randint(0, 20000))
        ended = run(COMMANDS[self.name], self.folder, full)
        self.note_kept()
        if ended.code:
            self.check_one_line(ended)
            if ended.code != 2 or "make room and give the same command again" not in ended.err:
                self.faults["words"] = f"exit code {ended.code}: {ended.err}"
            self._check_whole()
        return ended

    def _check_whole(self) -> None:
        """Nothing that is there is a part of a file."""
        for each in self.folder.rglob("*"):
            if each.name.startswith("."):
                self.faults["leftovers"] = each.name
            elif each.suffix == ".json" and not each.is_symlink():
                json.loads(each.read_text())
            elif each.suffix == ".html" and not each.read_text().rstrip().endswith("</html>"):
                self.faults["half-written"] = each.name

    def together(self, chance: random.Random) -> list[Ended]:
        """Two processes at once: one makes the output, the other too or says why not."""
        first = Running(COMMANDS[self.name], self.folder)
        time.sleep(chance.choice([0, chance.uniform(0, self.bench.in_peace(self.name)[0].seconds)]))
        second = Running(COMMANDS[self.name], self.folder, said="other")
        both = [first.ended(), second.ended()]
        for each in both:
            if each.code == 2:
                self.check_one_line(each)
                if not re.search(r" exists|another process is writing", each.err):
                    self.faults["words"] = each.err
            elif each.code:
                self.faults["words"] = f"exit code {each.code}: {each.err}"
        if all(each.code for each in both):
            self.faults["other answer"] = both[0].err
        self.compare()
        return both

    def again(self, chance: random.Random) -> str:
        """The same command, in half of the cases with --resume where it is taken."""
        line = COMMANDS[self.name]
        resumes = line.split()[0] in RESUMES and chance.random() < 0.5
        return f"{line} --resume" if resumes else line

    def note_kept(self) -> None:
        """Note what must not be computed again."""
        for piece in (self.folder / "out").glob("[0-9]*-*"):
            if (piece / "manifest.json").exists() or (piece / "record.json").exists():
                for each in [*piece.rglob("*.safetensors"), *piece.rglob("explanation.json")]:
                    self.kept.setdefault(each, _identity(each))
        for each in (self.folder / "out.partial").glob("image-*.json"):
            record = json.loads(each.read_text())
            self.records[record["position"]] = record

    def finish(self, words: str) -> None:
        """Run the command to its end, and compare."""
        ended = run(words, self.folder)
        if ended.code == 2:
            self._check_refusal(ended)
        elif ended.code:
            self.faults["other answer"] = f"exit code {ended.code}: {ended.err}"
        self.compare()

    def _check_refusal(self, ended: Ended) -> None:
        """A command may say no only where all was written before: compare then finds it whole."""
        self.check_one_line(ended)
        if ended.code != 2 or " exists" not in ended.err:
            self.faults["other answer"] = f"exit code {ended.code}: {ended.err}"

    def check_one_line(self, ended: Ended) -> None:
        """What a command says in the end is one line."""
        lines = [each for each in ended.err.splitlines() if "methods: about" not in each]
        if len(lines) != 1 or not lines[0].startswith("error: ") or len(lines[0]) > 400:
            self.faults["words"] = ended.err

    def compare(self) -> None:
        """Compare what is there with what a run in peace writes."""
        expected, found = self.bench.in_peace(self.name)[1], written(self.folder)
        more = sorted(found.keys() - expected.keys())
        other = sorted(
            name
            for name, value in expected.items()
            if name not in found or not alike(found[name], value)
        )
        if more:
            self.faults["leftovers"] = ", ".join(more[:5])
        if other:
            self.faults["other answer"] = ", ".join(other[:5])
        lost = [*self._computed_twice(), *self._changed()]
        if lost:
            self.faults["lost"] = ", ".join(lost[:5])

    def _changed(self) -> Iterator[str]:
        """Finished images that were made again."""
        for file, identity in self.kept.items():
            if not file.exists() or _identity(file) != identity:
                yield str(file.relative_to(self.folder))
        results = self.folder / "out" / "results.json"
        if self.records and results.exists():
            for each in json.loads(results.read_text())["records"]:
                if self.records.get(each["position"], each) != each:
                    yield f"image {each['position']}"

    def _computed_twice(self) -> Iterator[str]:
        """Samples, images and epochs that were kept and yet computed again."""
        if self.name == "rerun alone":  # which keeps nothing
            return
        kept: set[tuple[str, str]] = set()
        journal = self.folder.with_name(f"{self.folder.name}.said.journal")
        for line in journal.read_text().splitlines() if journal.exists() else ():
            entry = json.loads(line)
            if "kept" in entry:
                key, items = entry["kept"]
                kept |= {(key, each) for each in items}
            elif tuple(entry["computed"]) in kept:
                yield " ".join(entry["computed"])

    def close(self) -> None:
        """Remove the folder unless something was wrong."""
        if not self.faults:
            shutil.rmtree(self.folder, ignore_errors=True)
            for each in self.folder.parent.glob(f"{self.folder.name}.*.*"):
                each.unlink()


def _identity(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_ino, found.st_mtime_ns


def kill(bench: Bench, name: str, count: int, seed: int = 0) -> Iterator[tuple[int, Trial]]:
    """Kill a command until so many kills struck; yields kills and outcome of each trial.

    In one trial of three the command is killed again as it goes on.
    """
    chance = random.Random(f"{name} {seed}")
    struck = tries = 0
    while struck < count and tries < 4 * count:
        tries += 1
        trial = Trial(bench, name)
        kills = 0
        for _ in range(chance.choice([1, 1, 3])):
            if struck + kills == count or trial.faults or not trial.killed(chance):
                break
            kills += 1
        trial.finish(trial.again(chance))
        struck += kills
        trial.close()
        yield kills, trial


def say(*words: object) -> None:
    """Print a line at once."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


KINDS = ("lost", "other answer", "leftovers", "words")


def table(
    bench: Bench, names: Sequence[str], count: int, seed: int = 0
) -> tuple[str, list[Trial], int]:
    """Kill each command about count / len(names) times.

    Returns a table, the trials with faults, whose folders are kept, and the number of kills.
    """
    rows, wrong = [], []
    for at, name in enumerate(names):
        share = count * (at + 1) // len(names) - count * at // len(names)
        kills, found = 0, Counter[str]()
        for struck, trial in kill(bench, name, share, seed):
            kills += struck
            found.update(trial.faults.keys())
            if trial.faults:
                wrong.append(trial)
                say(f"{trial.folder}: {trial.faults}")
        rows.append((name, kills, *(found[kind] for kind in KINDS)))
        say(*rows[-1])
    sums = [sum(int(row[at]) for row in rows) for at in range(1, len(rows[0]))]
    return "\n".join(_lines([("command", "kills", *KINDS), *rows, ("all", *sums)])), wrong, sums[0]


def _lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    for row in rows:
        yield f"{row[0]!s:16}" + "".join(f"{each!s:>14}" for each in row[1:])


if __name__ == "__main__":
    place = Path(tempfile.mkdtemp(prefix="interp-kill-"))
    chosen = [each for each in COMMANDS if len(sys.argv) < 4 or sys.argv[3] in each]
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    say(place)
    text, faulty, _ = table(Bench(place), chosen, int(sys.argv[1]), seed)
    say(text)
    sys.exit(bool(faulty))
