"""Results with a package's own kind of evidence open in a process that has not imported it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RENDERER = """
    import numpy as np
    from interp.method import Renderer

    class Draw(Renderer):
        def render(self, evidence, image, style):
            return np.zeros((8, 8, 3), np.uint8)
"""
METHOD = """
    from dataclasses import dataclass
    from typing import ClassVar
    import numpy as np
    from interp.evidence import Evidence
    from interp.explanation import Explanation
    from interp.method import Method

    @dataclass(frozen=True, eq=False, kw_only=True)
    class Dots(Evidence):
        kind: ClassVar[str] = "dots"
        points: np.ndarray

    class Point(Method):
        def explain(self, model, images, targets, knowledge, context):
            return Explanation((Dots(name="dots", image=0, points=np.ones((3, 2))),))
"""
REGISTRY = """
    entries:
      - {kind: method, name: point, summary: s, answers: where, object: "NAME.method:Point"}
      - {kind: renderer, name: dots, summary: s, evidence: dots, object: "NAME.draw:Draw"}
"""
EACH = """
import sys
from pathlib import Path
from interp.comparison.result import Comparison
from interp.difference.rerun import rerun
from interp.difference.difference import difference
from interp.evidence import KINDS
from interp.registry import Registry
from interp.result.bundle import open_bundle
from interp.session import Session
from interp.testing import ToyModel

folder, verbs, extra = Path(sys.argv[1]), sys.argv[2].split(), sys.argv[3:]


def read(verb, registry):
    if verb == "open":
        return open_bundle(folder / "run", registry)[1].evidence
    if verb == "default":
        return open_bundle(folder / "run")[1].evidence
    if verb == "compare":
        return Comparison.open(folder / "both", registry).cases[0].cells[0].explanation.evidence
    if verb == "diff":
        both = difference(folder / "run", folder / "run", registry)
        return [pair.before for pair in both.pairs]
    assert rerun(folder / "run", Session(registry, ToyModel())).same
    return []


for verb in verbs:
    KINDS.pop("dots", None)  # as in a process that has not opened anything
    for name in [each for each in sys.modules if each.startswith("planted_")]:
        del sys.modules[name]
    print(verb, *[each.kind for each in read(verb, Registry.load([Path(e) for e in extra]))])
"""
WRITE = """
import sys
from pathlib import Path
import numpy as np
from interp.comparison.compare import compare
from interp.comparison.result import ComparisonRequest
from interp.registry import Registry
from interp.request import Choice, Request
from interp.run import run
from interp.session import Session
from interp.testing import ToyModel

folder, image = Path(sys.argv[1]), np.zeros((9, 9, 3), np.uint8)
session = Session(Registry.load([Path(each) for each in sys.argv[2:]]), ToyModel())
run(Request(method="point"), session, images=[image], out=folder / "run")
asked = ComparisonRequest(methods=(Choice(name="point"),))
compare(asked, session, images=[image], out=folder / "both")
"""


def python(code: str, *words: object, path: Path) -> subprocess.CompletedProcess[str]:
    """What a new process answers that finds packages in `path`."""
    start = f"import sys; sys.path.insert(0, {str(path)!r})\n"
    command = [sys.executable, "-c", start + code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(params=[True, False], ids=["installed", "by --registry"])
def written(request, package, tmp_path: Path) -> tuple[Path, list[Path]]:
    """The folder with results, and the registry files to name."""
    name = package("", REGISTRY, installed=request.param)
    for module, code in (("draw", RENDERER), ("method", METHOD)):
        lines = code.replace("\n    ", "\n").strip()
        (tmp_path / name / f"{module}.py").write_text(lines + "\n")
    extra = [] if request.param else [tmp_path / name / "registry.yaml"]
    done = python(WRITE, tmp_path, *extra, path=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path, extra


def test_every_reader_imports_the_package(written) -> None:
    folder, extra = written
    verbs = ["open", "compare", "diff", "rerun", *([] if extra else ["default"])]
    done = python(EACH, folder, " ".join(verbs), *extra, path=folder)
    assert done.returncode == 0, done.stderr
    expected = [each if each == "rerun" else f"{each} dots" for each in verbs]
    assert done.stdout.splitlines() == expected
    if extra:  # without its registry file it is unknown
        done = python(EACH, folder, "default", path=folder)
        assert "which is not registered here" in done.stderr
        assert f"add its registry file with --registry {extra[0]}" in done.stderr
