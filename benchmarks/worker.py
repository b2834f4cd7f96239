"""A process of another environment that answers one case after another, as JSON lines."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any


class Worker:
    """`python SCRIPT FOLDER`, which reads a case from each line and prints its answer."""

    def __init__(self, python: Path | str, script: Path, folder: str) -> None:
        self.process = subprocess.Popen(
            [str(python), str(script), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, case: dict[str, Any]) -> dict[str, Any]:
        """The answer to a case, once the process has it."""
        assert self.process.stdin is not None and self.process.stdout is not None  # noqa: S101
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{case} failed; its error stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
