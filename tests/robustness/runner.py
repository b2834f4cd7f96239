"""Runs cases through the command line, and says what is wrong with what came of each."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

SECONDS, MEMORY, LETTERS = 30, 2 << 30, 400
"""What a command may take, and the longest message of an error."""
REMEDY = re.compile(
    r"\b(expected|known|did you mean|unknown|needs?|must|should|missing|at (most|least)|altered|"
    r"choose|give|name|move|put|say|fit|rename|use|save|check|make|set|see|leave|install|remove|run|try|convert|export)\b"
)
"""An error says what to do, or what was expected instead."""
WORDY = ("evaluate",)
"""Commands that say on stderr how long they will take."""


@dataclass(frozen=True)
class Case:
    """A command in a folder that holds its input.

    `reference` names a function of robustness.reference that answers whether `file` is whole: where
    it is not, the command must not succeed. `told` must stand in the output of a success.
    """

    words: tuple[str, ...]
    reference: str | None = None
    file: str = ""
    broken: bool = False
    """Whether the input is known to be broken, without asking a reference."""
    told: str | None = None
    codes: tuple[int, ...] = (0, 2)


@dataclass(frozen=True)
class Outcome:
    """What a command ended with; `code` is None where it was killed."""

    code: int | None
    hung: bool
    seconds: float
    memory: int
    out: str
    err: str


class Server:
    """The process that runs commands; it is started again where it ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None

    def ask(self, request: dict[str, Any]) -> Outcome:
        if self.process is None:
            self.process = self._start()
        out, err = self.folder / "stdout", self.folder / "stderr"
        given = {"out": str(out), "err": str(err), "limit": SECONDS, **request}
        stdin, stdout = _pipes(self.process)
        stdin.write(json.dumps(given) + "\n")
        stdin.flush()
        answer = json.loads(stdout.readline())
        return Outcome(**answer, out=_text(out), err=_text(err))

    def _start(self) -> subprocess.Popen[str]:
        tests = Path(__file__).parent.parent
        paths = [str(tests), *filter(None, [os.environ.get("PYTHONPATH")])]
        return subprocess.Popen(
            [sys.executable, "-m", "robustness.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
        )

    def close(self) -> None:
        if self.process is not None:
            _pipes(self.process)[0].close()
            self.process.wait(timeout=SECONDS)


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin and process.stdout
    return process.stdin, process.stdout


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def faults(case: Case, found: Outcome) -> Iterator[str]:
    """What is wrong with the outcome, apart from what a reference would say."""
    if found.hung:
        yield f"still running after {SECONDS} s"
    elif found.code is None:
        yield "killed by a signal"
    elif found.code not in case.codes:
        yield f"exit code {found.code}"
    if "Traceback" in found.err:
        yield "traceback"
    if found.memory > MEMORY or "memory ran out" in found.err:
        yield f"{found.memory / 1e9:.1f} GB of memory"
    if found.code is not None:
        yield from _in_success(case, found) if found.code == 0 else _in_message(found.err)


def _in_success(case: Case, found: Outcome) -> Iterator[str]:
    if found.err and case.words[0] not in WORDY:
        yield "words on stderr"
    if case.broken:
        yield "success on what is broken"
    if case.told and case.told not in found.out:
        yield f"nothing said of {case.told!r}"


def _in_message(text: str) -> Iterator[str]:
    lines = text.splitlines()
    if len(lines) != 1 or not text.startswith("error: "):
        yield f"{len(lines)} lines of error"
    if len(text) > LETTERS:
        yield f"an error of {len(text)} letters"
    if not REMEDY.search(text):
        yield "no remedy"


@dataclass
class Row:
    """The figures of a kind of cases."""

    cases: int = 0
    refused: int = 0
    accepted: int = 0
    seconds: float = 0.0
    memory: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass
class Fuzzer:
    """Runs cases in folders below `place`, beside what they refer to; those that fail stay."""

    server: Server
    place: Path
    rows: dict[str, Row] = field(default_factory=dict)

    def try_case(self, kind: str, seed: int, make: Callable[[Path], Case]) -> list[str]:
        """What is wrong with a case, whose input `make` writes into a new folder."""
        folder = self.place / f"{kind}-{seed}"
        folder.mkdir()
        case = make(folder)
        found = self.server.ask({"words": case.words, "folder": str(folder)})
        wrong = list(faults(case, found))
        if found.code == 0 and case.reference is not None:
            asked = {"reference": case.reference, "file": str(folder / case.file)}
            if self.server.ask({**asked, "folder": str(folder)}).code != 0:
                wrong.append(f"success on what {case.reference} calls broken")
        row = self.rows.setdefault(kind, Row())
        row.cases += 1
        row.accepted += found.code == 0
        row.refused += found.code == 2
        row.seconds = max(row.seconds, found.seconds)
        row.memory = max(row.memory, found.memory)
        shutil.rmtree(folder)
        if wrong:
            row.failures.append(f"{', '.join(wrong)}; see {folder}/failure.txt")
            folder.mkdir()
            make(folder)  # as it was before the command
            _keep(folder, case, found, wrong)
        return wrong

    def count(self, kind: str) -> int:
        """How many cases of a kind were tried."""
        return self.rows[kind].cases if kind in self.rows else 0

    def table(self) -> str:
        """The figures of all kinds, and of all together."""
        rows = [*self.rows.items(), ("all", _sum(list(self.rows.values())))]
        head = (
            f"{'kind':<14}{'cases':>7}{'refused':>9}{'accepted':>10}{'s':>7}{'MB':>7}{'failed':>8}"
        )
        return "\n".join(
            [
                head,
                *(
                    f"{kind:<14}{row.cases:>7}{row.refused:>9}{row.accepted:>10}{row.seconds:>7.1f}"
                    f"{row.memory / 1e6:>7.0f}{len(row.failures):>8}"
                    for kind, row in rows
                ),
            ]
        )


def _keep(folder: Path, case: Case, found: Outcome, wrong: list[str]) -> None:
    """Say in a folder what failed, and which command repeats it."""
    told = [
        f"cd {folder}; interp {shlex.join(case.words)}",
        f"wrong: {', '.join(wrong)}",
        f"exit code {found.code}, {found.seconds:.1f} s, {found.memory / 1e6:.0f} MB",
        found.out[-2000:],
        found.err[-10_000:],
    ]
    (folder / "failure.txt").write_text("\n".join(told), "utf-8", "replace")


def _sum(rows: list[Row]) -> Row:
    return Row(
        sum(each.cases for each in rows),
        sum(each.refused for each in rows),
        sum(each.accepted for each in rows),
        max((each.seconds for each in rows), default=0.0),
        max((each.memory for each in rows), default=0),
        [failure for each in rows for failure in each.failures],
    )


@contextmanager
def fuzzer(place: Path) -> Iterator[Fuzzer]:
    """A fuzzer with its server, which ends with the block."""
    server = Server(place)
    try:
        yield Fuzzer(server, place)
    finally:
        server.close()
