"""Writes docs/contracts.md: of each kind of extension what to register and what to implement."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from interp.scaffold import KINDS, Kind, Names, filled
from interp.testing import method_checks
from interp.testing.entry_check import CHECKS

CONTRACTS = Path(__file__).with_name("contracts.md")
EXAMPLE = Names("mine")
RUFF = Path(sys.executable).with_name("ruff")
INTRODUCTION = """# Contracts

What a package registers and implements, for each kind of extension; written by `make docs` from the
interfaces and from the packages that `interp new KIND NAME` writes, whose own tests run in ours.
`interp new metric mine` gives the example below as a whole package, which installs, is listed,
checked and run at once. [extending.md](extending.md) says how packages are found, what they may
import and what stays stable; `interp check --package interp_mine` says whether the rules are kept.

A signature without `@abstractmethod` may be overridden, and need not be.
"""


def contracts() -> str:
    """The page."""
    listed = [f"- [{each.name}](#{each.name}): {each.summary}" for each in KINDS.values()]
    return "\n".join([INTRODUCTION, *listed, "", *map(_section, KINDS.values())])


def _section(kind: Kind) -> str:
    files = filled(kind, EXAMPLE)
    parts = [f"## {kind.name}", "", f"{_capital(kind.summary)}. In its registry.yaml:", ""]
    parts += [_block("yaml", files[f"{EXAMPLE.package}/registry.yaml"]), ""]
    if interface := "\n\n".join([*_calls(kind), *map(_stub, kind.interface)]):
        parts += ["The interface:", "", _block("python", _formatted(interface)), ""]
    if example := _example(files[f"{EXAMPLE.package}/__init__.py"]):
        parts += ["For example, its imports left out:", "", _block("python", example), ""]
    if rules := _rules(kind):
        parts += ["What `interp check` asks of it:", "", *(f"- {each}" for each in rules), ""]
    return "\n".join(parts)


def _rules(kind: Kind) -> list[str]:
    """What every check of the kind asks, in a sentence each."""
    checks = method_checks() if kind.name == "method" else CHECKS.get(kind.name, ())
    return [(each.__doc__ or "").partition("\n")[0] for each in checks]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _calls(kind: Kind) -> Iterator[str]:
    if kind.call:
        yield f"def {kind.call}: ..."


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text.strip()}\n```"


def _example(code: str) -> str:
    """The classes and functions of a template, without its imports."""
    tree, lines = ast.parse(code), code.splitlines()
    kept = [
        "\n".join(lines[_first(node) - 1 : node.end_lineno])
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
    ]
    return "\n\n\n".join(kept)


def _first(node: ast.ClassDef | ast.FunctionDef) -> int:
    """The first line of a definition, with its decorators."""
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


def _stub(place: str) -> str:
    """A class or function as its signatures, each with the first sentence of its docstring."""
    module, _, name = place.partition(":")
    code = inspect.getsource(getattr(import_module(module), name))
    (found,) = ast.parse(code).body
    assert isinstance(found, ast.ClassDef | ast.FunctionDef)  # noqa: S101 - it is an interface
    return f"# {module}\n{ast.unparse(_shortened(found))}"


def _shortened(node: ast.ClassDef | ast.FunctionDef) -> ast.ClassDef | ast.FunctionDef:
    text = (ast.get_docstring(node) or "").split("\n\n")[0]
    told: list[ast.stmt] = [ast.Expr(ast.Constant(" ".join(text.split())))] if text else []
    node.decorator_list = [each for each in node.decorator_list if _told(each)]
    if isinstance(node, ast.FunctionDef):
        node.body = told or [ast.Expr(ast.Constant(...))]
        return node
    members: list[ast.stmt] = []
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and not each.name.startswith("_"):
            members.append(_shortened(each))
        elif isinstance(each, ast.AnnAssign) and not ast.unparse(each.target).startswith("_"):
            members.append(each)
    node.body = [*told, *members]
    return node


def _told(decorator: ast.expr) -> bool:
    return ast.unparse(decorator) not in ("hookspec", "cached_property")


def _formatted(code: str) -> str:
    """Code in the project's style."""
    words = [RUFF, "format", "--no-cache", "--isolated", "--line-length", "100", "-"]
    done = subprocess.run(words, input=code, capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    CONTRACTS.write_text(contracts(), "utf-8")
