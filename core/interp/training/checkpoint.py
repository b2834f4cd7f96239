"""Checkpoint of a training after each epoch, from which an interrupted one continues."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interp.errors import InputError
from interp.storage.folder import whole_file, write_text_whole
from interp.training.task import Task

Row = dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """Weights, optimisers and the log of one training in a folder; `log.jsonl` is for people.

    No random state is saved: an epoch's depends on seed and epoch alone.
    """

    folder: Path
    key: str

    @property
    def file(self) -> Path:
        """The file with weights, optimisers and log."""
        return self.folder / f"training-{self.key}.pt"

    def save(self, task: Task, rows: list[Row]) -> None:
        """Replace the saved state; on a full disk it is left, and OutputError is raised."""
        import torch

        state = {
            "modules": {name: each.state_dict() for name, each in task.modules.items()},
            "optimizers": {name: each.state_dict() for name, each in task.optimizers.items()},
            "rows": json.dumps(rows),
        }
        # given a path, torch.save would not say that the disk is full
        with whole_file(self.file) as draft, draft.open("wb") as file:
            torch.save(state, file)
        write_text_whole(self.folder / "log.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))

    def load(self, task: Task, device: str) -> list[Row]:
        """Load the saved state into the task; the log so far, empty where nothing was saved."""
        import torch

        if not self.file.is_file():
            return []
        try:
            state = torch.load(self.file, map_location=device, weights_only=True)
        except Exception as error:  # a torn file fails in every way
            raise InputError(f"{self.file} is damaged; remove it to begin again") from error
        for name, each in task.modules.items():
            each.load_state_dict(state["modules"][name])
        for name, optimizer in task.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        rows: list[Row] = json.loads(state["rows"])
        return rows
