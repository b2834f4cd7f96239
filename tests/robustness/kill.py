"""Ends commands at random moments, runs them again, and compares with a run left in peace.

    cd tests && python -m robustness.kill 200

ends that many commands and prints a table. Each process is forked from one that has imported
everything, so that it costs its work alone.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robustness.kill_bench import COMMANDS, RESUMES, Bench, Ended, Running, run
from robustness.kill_child import Disturbance
from robustness.kill_content import alike, written


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
