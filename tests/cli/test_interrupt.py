"""Ctrl-C in the middle of a real run: one line, exit code 130, nothing half-written."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

CODE = """
    import time
    from pathlib import Path
    from interp.hookspecs import hookimpl

    def open_model(source, options, lookup):
        from interp.testing import ToyModel
        model = ToyModel()
        predict, count = model.predict, iter(range(1000))

        def slow(images):
            if next(count) == 5:
                Path("begun").touch()
            time.sleep(0.05)
            return predict(images)

        model.predict = slow
        return model

    @hookimpl
    def interp_register(registrar):
        registrar.add("adapter", "slow", open_model)
"""
ENTRY = "{kind: adapter, name: slow, package: NAME, summary: s, sources: ['slow:*']}"
# A shell that starts a test run in the background leaves the signal ignored.
START = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from interp.cli import main; sys.exit(main(sys.argv[1:]))"
)


def test_interrupted_run(package, example, picture, tmp_path):
    name = package(CODE, f"entries: [{ENTRY}]")
    words = ["run", "--plugin", "occlude-grid", "--model", "slow:0", "--image", picture.name]
    files = ["--registry", example, "--registry", tmp_path / name / "registry.yaml"]
    running = subprocess.Popen(
        [sys.executable, "-c", START, *words, *files, "--set", "cells=40", "--out", "made"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(1200):
        if (tmp_path / "begun").exists() or running.poll() is not None:
            break
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert err == "error: stopped on request; nothing was written\n"
    assert {each.name for each in tmp_path.iterdir()} == {name, "begun", picture.name}
