"""What happens in a process that is to be ended: one command, disturbed, with a journal."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IMPORTED = (
    "torch torchvision cv2 skimage.segmentation sklearn.linear_model captum.attr safetensors.torch "
    "lightning_fabric onnxruntime onnx onnxscript interp.cli.app interp.api interp.report.page "
    "interp.testing interp_torch.adapter interp_onnx.adapter interp_creatures.shipped"
).split()
"""Modules that the parent of all processes imports once."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod"}
ADDING = {"open", "os.mkdir"}
"""Changes for which a full disk has no room."""


@dataclass(frozen=True)
class Disturbance:
    """What goes wrong at the change number `at` of the command's folder; None: at none."""

    at: int | None = None
    kind: str = "kill"
    """kill, full (from there on there is no room) or gone (the working directory is removed)."""
    largest: int | None = None
    """Bytes of the largest file that may be written."""


def work(words: list[str], folder: Path, said: Path, disturbance: Disturbance) -> None:
    """Run a command in `folder` as a new process would; what it says goes to files at `said`.

    Beside them, `said.begun` appears as it begins, `said.journal` lists what was computed and what
    was kept, and `said.changes` holds the number of changes of the folder.
    """
    os.chdir(folder)
    for stream, number in (("out", 1), ("err", 2)):
        os.dup2(os.open(f"{said}.{stream}", os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["TMPDIR"] = str(folder)
    sys.path.insert(0, str(folder))
    sys.argv = ["interp", *words]
    if disturbance.largest is None:
        _keep_journal(Path(f"{said}.journal"))
    else:  # which would hold for the journal too
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (disturbance.largest, resource.RLIM_INFINITY))
    changes = Changes(folder, disturbance)
    sys.addaudithook(changes.hook)
    from interp.cli import main

    Path(f"{said}.begun").touch()
    code = main()
    changes.over = True
    Path(f"{said}.changes").write_text(str(changes.count))
    sys.exit(code)


@dataclass
class Changes:
    """Counts what a process changes in its folder, and disturbs it there."""

    folder: Path
    disturbance: Disturbance
    count: int = 0
    over: bool = False

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Called by Python before it opens or changes a file."""
        if self.over or not self._is_change(event, arguments):
            return
        self.count += 1
        at, kind = self.disturbance.at, self.disturbance.kind
        if at is None or self.count < at:
            return
        if kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if kind == "full" and event in ADDING:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))
        if kind == "gone" and self.count == at:
            self.over = True
            shutil.rmtree(self.folder)

    def _is_change(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "open":
            path, _, flags = arguments
            return bool(flags & WRITING) and self._is_inside(path)
        return event in CHANGES and self._is_inside(arguments[0])

    def _is_inside(self, path: Any) -> bool:
        if not isinstance(path, str | os.PathLike):
            return False
        return not Path(path).is_absolute() or Path(path).is_relative_to(self.folder)


def _keep_journal(file: Path) -> None:
    """Let the work that promises to keep its progress say what is computed, and what is kept."""
    import interp.engine.respond as respond
    import interp_chip.layer_fit as layer_fit
    from interp.engine.moments import Moments
    from interp.training.checkpoint import Checkpoint
    from interp.training.loop import Run
    from interp_chip.experiment import LayerExperiment

    respond.SAVE_EVERY = layer_fit.SAVE_EVERY = 0  # type: ignore[attr-defined,misc]
    done: dict[str, set[str]] = {}

    def computed(key: str, item: object) -> None:
        done.setdefault(key, set()).add(str(item))
        _write(file, {"computed": [key, str(item)]})

    def kept(key: str) -> None:
        _write(file, {"kept": [key, sorted(done.get(key, ()))]})

    _before(Moments, "add", lambda self, chunk, *_: computed(self.key, chunk))
    _after(Moments, "save", lambda self, _: kept(self.key))
    _before(Run, "_epoch", lambda self, epoch, *_: computed(self.checkpoint.key, epoch))
    _after(Checkpoint, "save", lambda self, *_: kept(self.key))
    _before(LayerExperiment, "sums", lambda self, piece: computed(self.key, piece))
    _after(layer_fit.LayerFit, "_save", lambda self: kept(self.key))


def _write(file: Path, line: dict[str, Any]) -> None:
    with file.open("a") as journal:
        journal.write(json.dumps(line) + "\n")


def _before(kind: type, name: str, note: Any) -> None:
    method = getattr(kind, name)

    def noted(self: Any, *given: Any, **named: Any) -> Any:
        note(self, *given)
        return method(self, *given, **named)

    setattr(kind, name, noted)


def _after(kind: type, name: str, note: Any) -> None:
    method = getattr(kind, name)

    def noted(self: Any, *given: Any, **named: Any) -> Any:
        answer = method(self, *given, **named)
        note(self, *given)
        return answer

    setattr(kind, name, noted)
