"""With --json one object is on stdout, whatever a package prints and whenever it does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

CODE = """
    import atexit, os, subprocess, sys
    import numpy as np
    from interp.evidence import Heatmap
    from interp.explanation import Explanation
    from interp.method import Method

    print("imported")
    atexit.register(print, "ending")

    class Loud(Method):
        def explain(self, model, images, targets, knowledge, context):
            print("printed")
            sys.__stdout__.write("underscored\\n")
            os.write(1, b"written\\n")
            subprocess.run([sys.executable, "-c", "print('started')"], check=True)
            values = np.ones(images[0].shape[:2])
            return Explanation((Heatmap(name="m", image=0, values=values),))
"""
REGISTRY = "entries: [{kind: method, name: loud, summary: s, answers: where, object: 'NAME:Loud'}]"


def test_prints_go_to_stderr(package, tmp_path: Path) -> None:
    name = package(CODE, REGISTRY)
    command = [sys.executable, "-m", "interp", "run", "--plugin", "loud", "--json"]
    command += ["--registry", str(tmp_path / name / "registry.yaml"), "--out", str(tmp_path / "o")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["method"] == "loud"
    for word in ("imported", "printed", "underscored", "written", "started", "ending"):
        assert word in done.stderr
