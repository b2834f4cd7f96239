"""Surroundings of a program or a command: environment, streams, folders, interpreter's flags."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from robustness.caller import Caller, same

KIND = "Surroundings"
ROOT = Path(__file__).parents[2]
SEARCH = [str(ROOT / each) for each in ("core", "adapters", "plugins", "dashboards", "tests")]
PROGRAM = f"""
import sys
sys.path[:0] = {SEARCH}
def run(path):
    from robustness.caller import maps, network
    import numpy as np
    np.savez(path, **maps(network()))
"""
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
    told = [each for each in done.stderr.splitlines() if "setlocale" not in each]  # bash's own
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


def command(
    before: str = "", out: str = "out", image: str = "sample", **env: str | None
) -> Callable[[Path], None]:
    """`interp run`, which must write a whole bundle and nothing to stderr."""

    def call(folder: Path) -> None:
        place = folder / out
        image_is = image if image == "sample" else f"'{folder / image}'"
        if image != "sample":
            from PIL import Image

            Image.effect_noise((40, 40), 50).convert("RGB").save(folder / image)
        line = f"{before} {sys.executable} -m interp run --plugin gradcam --image {image_is}"
        shell(f"{line} --out '{place}' > /dev/null", folder, env)
        assert (place / "evidence.safetensors").is_file() or any(place.iterdir())
        assert (place / "manifest.json").is_file()

    return call


def row(name: str, call: Callable[[Path], None], slow: bool = True, then: str = "") -> Caller:
    return Caller(name, KIND, call, then or Caller.then, slow=slow)


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
    row("HOME that cannot be written", python(HOME="/proc")),
    row("TMPDIR that is not there", python(TMPDIR="/nonexistent/tmp")),
    row("a working directory that cannot be written", python("cd /proc;")),
    row("umask 077", python("umask 077;")),
    row("all streams closed", python("exec 0<&- 1>&- 2>&-;"), slow=False),
    row("sys.stdout and sys.stderr None", python(code=SILENT)),
    row("sys.stdin None", python(code=STDIN)),
    row("MPLBACKEND and DISPLAY that are not there", python(MPLBACKEND="none", DISPLAY=":99")),
    row("another hash seed", python(PYTHONHASHSEED="random")),
    row("two threads of OpenMP", python(OMP_NUM_THREADS="2")),
    row("interp run, locale C, a folder and an image with an umlaut",
        command(out="prüfung", image="bär.png", **ASCII), slow=False, then="the bundle"),
    row("interp run, HOME unset, no TMPDIR", command(HOME=None, TMPDIR="/none"), then="the bundle"),
    row("interp run, warnings as errors", command(PYTHONWARNINGS="error"), then="the bundle"),
    row("interp run, umask 077, elsewhere", command("umask 077; cd /proc;"), then="the bundle"),
)  # fmt: skip
