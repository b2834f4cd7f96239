"""Writes docs/methods/NAME.md, a page for each method, and their places in mkdocs.yml."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from method_pictures import MADE, METHODS, TARGETS
from reference import ROOT, cited, entries, missing, truth

from interp.registry import Registry
from interp.registry.manifest import AdapterEntry, CompositionEntry, MethodEntry, read_manifest
from interp.registry.parameter import Parameter, parameters
from interp.registry.registry import builtin
from interp.testing import Finding
from interp.testing.claim import CLAIMS, question_of

SETTINGS = ROOT / "mkdocs.yml"
BEGIN, END = "      # written by make docs", "      # end of what is written"
FAMILIES = {
    "interp_mint": ("MINT", "mint.md"),
    "interp_chip": ("CHIP", "chip.md"),
    "interp_explainer": ("Explainer networks", "explainer.md"),
    "interp_decoupling": ("Network Decoupling", "decoupling.md"),
    "interp_csg": ("Class-Specific Gates", "csg.md"),
    "interp": ("Compositions", ""),
    "interp_cam": ("Class activation maps", "cam.md"),
    "interp_captum": ("Captum", ""),
    "interp_zennit": ("Relevance", "relevance.md"),
    "interp_attention": ("Transformers", "transformers.md"),
    "interp_concept": ("Concepts", "concepts.md"),
    "interp_dream": ("Feature visualization", "dream.md"),
    "interp_standard": ("Baselines", ""),
}
"""Package -> what the site calls its methods, in the navigation's order, and the page on them."""
MODELS = {
    "torch": "PyTorch models",
    "onnx": "ONNX files",
    "callable": "Python functions and servers",
}
WORDS = {
    "pass": "kept",
    "fail": "not kept",
    "none": "nothing to measure",
}


def methods() -> list[MethodEntry]:
    """The built-in methods, in the registry's order."""
    return [each for each in entries() if isinstance(each, MethodEntry)]


def pages() -> dict[str, str]:
    """File name -> page, for every method."""
    registry = Registry((read_manifest(builtin()),))
    made, found = json.loads(MADE.read_text("utf-8")), truth()
    return {
        f"{each.name}.md": "\n".join(
            _page(
                registry, each, made[each.name], [one for one in found if one.method == each.name]
            )
        )
        for each in methods()
    }


def _page(
    registry: Registry, entry: MethodEntry, made: dict[str, Any], found: list[Finding]
) -> Iterator[str]:
    kind = registry.get("method", entry.name)
    yield from (f"# {entry.name}", "", f"{entry.summary}.", "")
    yield from _picture(entry, made)
    yield from ("## How it works", "", *_working(registry, entry, kind), "")
    yield from ("## When it misleads", "", entry.misleads or "Nothing is known.", "")
    yield from ("## Where the answer is known", "", *_checked(entry, found), "")
    yield from ("## Use it", "", *_use(entry, made), "")
    yield from _parameters(parameters(kind.Params))


def _picture(entry: MethodEntry, made: dict[str, Any]) -> Iterator[str]:
    first, second = TARGETS
    yield f"![What {entry.name} answers on the sample image]({entry.name}.webp)"
    yield ""
    yield f"*What it answers on the sample `two`, a {first} (below) and an {second} (above), of"
    yield f"`{made['model']}`" + (
        ": red speaks for the class, blue against it; one colour scale for both.*"
        if made["mapped"]
        else ".*"
    )
    yield ""


def _working(registry: Registry, entry: MethodEntry, kind: type) -> Iterator[str]:
    """The paper in small, as the class says it; of a composition, its parts' own words."""
    if not isinstance(entry, CompositionEntry):
        yield inspect.cleandoc(kind.__doc__ or "")
    else:
        yield "Three registered parts, joined without code ([Methods without code](../compose.md)):"
        for role, name in entry.compose.parts.items():
            part = registry.get(role, name)
            yield from ("", f"**The {role}, `{name}`.** {inspect.cleandoc(part.__doc__ or '')}")
    if entry.paper is not None:
        yield from ("", f"Published: {cited(entry.paper)}.")
    title, guide = FAMILIES[entry.package]
    if guide:
        yield from ("", f"Its symbols, its relatives and what was measured: [{title}](../{guide}).")


def _checked(entry: MethodEntry, found: list[Finding]) -> Iterator[str]:
    """What interp check found, of each claim."""
    yield f"`interp check {entry.name}` explains networks whose right answer is known"
    yield "([all methods](../reference.md#where-the-answer-is-known)):"
    yield from ("", "| check | found | what it asks |", "|---|---|---|")
    for each in found:
        asks = question_of(CLAIMS[each.check]) if each.check in CLAIMS else "The rules of a method."
        check = f"{each.check}, claimed" if each.claimed else each.check
        said = f"{WORDS[each.outcome]}: {each.said}".replace("|", "\\|")
        yield f"| {check} | {said} | {asks} |"


def _use(entry: MethodEntry, made: dict[str, Any]) -> Iterator[str]:
    model = "" if made["model"] == "creatures-vgg" else f" --model {made['model']}"
    command = f"interp run --method {entry.name}{model} --image two --target {TARGETS[0]}"
    yield from ("```console", f"$ {command}", "```", "")
    if entry.network == "transformer":
        yield "- It explains vision transformers only."
    for each in _adapters():
        lacking = missing(entry, each)
        offered = f"no, for they do not offer {', '.join(lacking)}" if lacking else "yes"
        yield f"- {MODELS[each.name]}: {offered}."
    yield f"- It needs {', '.join(entry.needs or ())}; it comes from the package `{entry.package}`."
    if made["samples"]:
        yield f"- The picture above took {made['samples']:,} samples: changed images, or changed"
        yield "  layers, that the network was run on, for both targets together."


def _adapters() -> list[AdapterEntry]:
    return [each for each in entries() if isinstance(each, AdapterEntry)]


def _parameters(found: list[Parameter]) -> Iterator[str]:
    if not found:
        return
    yield from (
        "## Parameters",
        "",
        "Each is an option, `--name VALUE`, and a keyword in Python.",
        "",
    )
    yield from ("| name | default | values | what it is |", "|---|---|---|---|")
    for each in found:
        values = " ".join(filter(None, (each.type.replace(" | ", ", "), each.bounds)))
        about = " ".join(each.description.split())
        cells = (f"`{each.name}`", f"`{json.dumps(each.default)}`", values, about)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""


def settings(text: str) -> str:
    """mkdocs.yml with the methods' pages between its two comments."""
    head, _, rest = text.partition(f"{BEGIN}\n")
    _, _, tail = rest.partition(END)
    return "\n".join((f"{head}{BEGIN}", *_navigation(), f"{END}{tail}"))


def _navigation() -> Iterator[str]:
    order = list(FAMILIES)
    listed = sorted(methods(), key=lambda each: order.index(each.package))
    for package, group in groupby(listed, lambda each: each.package):
        title, guide = FAMILIES[package]
        yield f"      - {title}:"
        if guide:
            yield f"          - Overview: {guide}"
        yield from (f"          - {each.name}: methods/{each.name}.md" for each in group)


def main() -> int:
    """Write all pages and the navigation; pages of methods that are gone are removed."""
    written = pages()
    for old in METHODS.glob("*.md"):
        if old.name not in written:
            old.unlink()
    for name, text in written.items():
        (METHODS / name).write_text(text, "utf-8")
    SETTINGS.write_text(settings(SETTINGS.read_text("utf-8")), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
