"""Every block of the documentation runs, or is held against what it is a piece of."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from pydantic import Field
from support.pages import PAGES, ROOT, blocks, commands, mentions, name
from support.usage import check_command, check_mention

from interp.cli import main
from interp.errors import InterpError
from interp.explanation import Explanation
from interp.opening.named import with_params
from interp.registry.manifest import read_manifest
from interp.spec import ModelOptions

PEERS = ("captum", "pytorch_grad_cam", "torchcam", "dianna", "quantus")
RUN = {
    "README.md": "",
    "docs/index.md": "why.png",
    "docs/howto.md": "why.npy",
    "docs/python.md": "both.png",
    "docs/models.md": "",
    "docs/coming_from.md": "why/manifest.json",
}
"""Page whose Python runs here, block after block -> a file that it writes."""
PIECES = ("docs/readouts.md", "docs/detection.md", "CONTRIBUTING.md")
"""Pages with functions for the reader's own code; they are called below with values of ours."""
ELSEWHERE = (
    *("docs/contracts.md", "docs/extending.md", "docs/data.md", "docs/hooks.md"),
    "docs/cluster.md",
)
"""Pages that tests/scaffold, tests/test_extending.py, tests/readers and tests/cluster run."""
OWN = re.compile(r"^ *-? *name: ([a-z][\w-]*)|`interp new \w+ ([a-z][\w-]*)`", re.MULTILINE)
"""What a page registers as an example, and then names."""
PYTHON = [each for each in PAGES if any(b.language == "python" for b in blocks(each.read_text()))]
LINES = [(name(page), words) for page in PAGES for words in commands(page.read_text("utf-8"))]


def of_peers(code: str) -> bool:
    """Whether a block imports another package that explains models."""
    return any(re.search(rf"^(from|import) {peer}\b", code, re.MULTILINE) for peer in PEERS)


def python(page: str) -> list[str]:
    text = (ROOT / page).read_text("utf-8")
    return [each.code for each in blocks(text) if each.language == "python"]


def own(text: str) -> set[str]:
    """Names that stand on the page alone."""
    return {name for pair in OWN.findall(text) for name in pair if name}


def test_every_page_with_python_is_tested_somewhere():
    assert sorted(map(name, PYTHON)) == sorted((*RUN, *PIECES, *ELSEWHERE))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_blocks_are_what_their_language_says(page, tmp_path):
    for at, (language, code) in enumerate(blocks(page.read_text("utf-8"))):
        assert language in ("python", "yaml", "toml", "console", "text", ""), f"block {at}"
        if language == "python":
            ast.parse(code)
        if language == "toml":
            tomllib.loads(code)
        if language == "yaml" and re.match(r"(#.*\n)?(api|answers|entries|hooks|requires):", code):
            file = tmp_path / f"{at}.yaml"
            file.write_text(code, "utf-8")
            read_manifest(file)
        elif language == "yaml":
            ModelOptions.model_validate(yaml.safe_load(code))


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN)
def test_python_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    names: dict[str, Any] = {}
    for at, code in enumerate(each for each in python(page) if not of_peers(each)):
        exec(compile(code, f"{page}, block {at}", "exec"), names)
    assert names["found"].map().std() > 0
    assert not RUN[page] or (tmp_path / RUN[page]).stat().st_size > 100


def test_every_peer_stands_beside_ours():
    code = python("docs/coming_from.md")
    theirs = [each for each in code if of_peers(each)]
    assert len(theirs) == 6 and len(code) == 2 + 2 * len(theirs)
    assert [peer for peer in PEERS if not any(peer in each for each in theirs)] == []


def test_pieces_for_the_readers_own_code_do_what_the_page_says():
    asked, embed, margin = python("docs/readouts.md")
    names: dict[str, Any] = {
        "processor": lambda text, **_: {"tokens": text},
        "clip": SimpleNamespace(get_text_features=lambda tokens: torch.ones(len(tokens), 4)),
    }
    for code in (asked, embed, margin, *python("docs/detection.md")):
        exec(compile(code, "piece", "exec"), names)
    assert names["options"].readout_params == {"region": "box:10,10,60,60"}
    assert names["embed"](["a dog", "a bicycle"]).shape == (2, 4)
    scores = torch.tensor([[1.0, 5.0, 3.0]])
    np.testing.assert_allclose(names["margin"]({"logits": scores}), [[2.0]])
    ((boxes, shares, rest),) = names["decode"]((torch.zeros(1, 6, 4), torch.zeros(1, 6, 3)))
    assert boxes.shape == (6, 4) and rest is None
    np.testing.assert_allclose(shares.sum(-1), 1, atol=1e-6)


def test_the_method_of_contributing_is_one(registry):
    names: dict[str, Any] = {"Field": Field}
    for module, each in (("params", "Params"), ("method", "Method"), ("spec", "Capability")):
        names[each] = getattr(importlib.import_module(f"interp.{module}"), each)
    names["Explanation"] = Explanation
    (code,) = python("CONTRIBUTING.md")
    exec(compile(code, "CONTRIBUTING.md", "exec"), names)
    method = with_params(names["MyMethod"], "my-method", {"cells": 4})
    assert method.params.cells == 4 and method.needs == {"predict"}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_command_lines_are_such_as_the_command_line_takes(page, registry):
    text = page.read_text("utf-8")
    for words in commands(text):
        check_command(registry, words, own(text))
    for words in mentions(text):
        check_mention(registry, words)


def test_wrong_command_lines_are_found(registry):
    for line in (
        "rum --plugin rise",
        "run --plugin rice",
        "run --plugin rise --imagge two",
        "run --plugin gradcam --fusion sum",
        "run",
        "evaluate --methods rise --metrics deletoin",
        "measure path-detection --set atack=pgd",
        "list --sort method",
    ):
        with pytest.raises(InterpError):
            check_command(registry, line.split())
    with pytest.raises(KeyError, match="--targt"):
        check_mention(registry, ["run", "--targt", "cat"])
    check_mention(registry, ["run", "--fusion", "max"])
    assert len(LINES) > 100


def runnable(words: list[str]) -> bool:
    """Whether a command line names shipped things only, in this process, and is of seconds."""
    line = " ".join(words)
    quick = words[0] in ("list", "predict") or line.startswith("run ")
    foreign = re.search(r"[A-Z]|[./:]|\bof-|^dashboard|--workers|--cluster", line)
    return quick and not foreign and "--layers" not in words


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [pytest.param(words, id=" ".join(words)) for page, words in LINES if runnable(words)],
)
def test_command_lines_run(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    few = ["--budget", "500"] if words[0] == "run" else []
    assert main([*words, *few]) == 0
    if words[0] == "run":
        assert list(tmp_path.rglob("*.png"))
