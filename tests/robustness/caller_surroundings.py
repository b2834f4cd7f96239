"""Surroundings of a program or a command: environment, streams, folders, interpreter's flags."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from robustness.caller import SEARCH, Caller, same

KIND = "Surroundings"
PROGRAM = f"""
import sys
sys.path[:0] = {SEARCH}
def run(path):
    from robustness.caller import maps, network
    import numpy as np
    np.savez(path, **maps(network()))
"""
OTHERS = ("setlocale", "atplotlib")
"""Words of bash about locales, and of Matplotlib about its cache."""
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def shell(line: str, folder: Path, env: Mapping[str, str | None]) -> None:
    """Run a line of bash, whose streams must stay empty."""
    asked = {**os.environ, "OMP_NUM_THREADS": "1", **env}
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={name: value for name, value in asked.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = [each for each in done.stderr.splitlines() if not any(word in each for word in OTHERS)]
    assert not told, told


def python(
    before: str = "", flags: str = "", code: str = "run(sys.argv[1])", **env: str | None
) -> Callable[[Path], None]:
    """A program that explains, with `before` run by the shell; it finds the usual maps."""

    def call(folder: Path) -> None:
        path, found = folder / "program.py", folder / "found.npz"
        path.write_text(f"{PROGRAM}\n{code}\n")
        shell(f"{before} {sys.executable} {flags} {path} {found}", folder, env)
        with np.load(found) as values:
            same(dict(values))

    return call


def command(before: str = "", out: str = "out", **env: str | None) -> Callable[[Path], None]:
    """`interp run`, which must write a whole bundle and nothing to stderr."""

    def call(folder: Path) -> None:
        place = folder / out
        line = f"{before} {sys.executable} -m interp run --plugin gradcam --out '{place}'"
        shell(f"{line} > /dev/null", folder, env)
        assert (place / "manifest.json").is_file()

    return call


def row(name: str, call: Callable[[Path], None], slow: bool = True, then: str = "") -> Caller:
    return Caller(name, KIND, call, then or Caller.then, slow=slow)


def undecodable(folder: Path) -> None:
    """A name that Python cannot decode is told, and exits with 2."""
    (folder / "bär.png").touch()
    path = folder / "told"
    line = f"{sys.executable} -m interp run --plugin gradcam --image bär.png 2> {path} > /dev/null"
    shell(f"{line}; test $? = 2", folder, ASCII)
    told = path.read_text("utf-8")
    assert told.count("\n") == 1, told
    assert "which is no text in UTF-8; rename the file, or run with PYTHONUTF8=1" in told, told


SILENT = "sys.stdout = sys.stderr = None\nrun(sys.argv[1])"
STDIN = "sys.stdin = None\nrun(sys.argv[1])"
ROWS = (
    row("python -W error", python(flags="-W error")),
    row("python -O", python(flags="-O")),
    row("python -OO", python(flags="-OO")),
    row("python -I", python(flags="-I")),
    row("python -X dev", python(flags="-X dev")),
    row("locale C, without Python's UTF-8 mode", python(**ASCII)),
    row("a locale that is not there", python(LANG="xx_YY.none", LC_ALL="xx_YY.none")),
    row("HOME unset", python(HOME=None)),
    row("HOME that cannot be written", python(HOME="/proc"),
        then="the usual map; Matplotlib says where it caches"),
    row("TMPDIR that is not there", python(TMPDIR="/nonexistent/tmp")),
    row("a working directory that cannot be written", python("cd /proc;")),
    row("umask 077", python("umask 077;")),
    row("all streams closed", python("exec 0<&- 1>&- 2>&-;")),
    row("sys.stdout and sys.stderr None", python(code=SILENT)),
    row("sys.stdin None", python(code=STDIN)),
    row("a display that is not there", python(MPLBACKEND="qtagg", DISPLAY=":99")),
    row("another hash seed", python(PYTHONHASHSEED="random")),
    row("two threads of OpenMP", python(OMP_NUM_THREADS="2")),
    row("interp run, locale C, a folder with an umlaut", command(out="prüfung", **ASCII),
        slow=False, then="the bundle"),
    Caller("interp run, locale C, an image with an umlaut", KIND, undecodable,
           "refused: found the name ..., which is no text in UTF-8"),
    row("interp run, HOME unset, no TMPDIR", command(HOME=None, TMPDIR="/none"), then="the bundle"),
    row("interp run, warnings as errors", command(PYTHONWARNINGS="error"), then="the bundle"),
    row("interp run, umask 077, elsewhere", command("umask 077; cd /proc;"), then="the bundle"),
)  # fmt: skip
