"""Writes the tables of docs/chip.md that benchmarks/results hold, between their markers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGE, RESULTS = ROOT / "docs/chip.md", ROOT / "benchmarks/results"
CHANNELS = ("chip", "slope", "single drop", "chip x sum", "slope x sum", "|slope|", "random")
MEASURES = ("parts IoU 0.3", "parts IoU 0.5", "energy", "pointing")
BOXES = ("object IoU 0.3", "object IoU 0.5", "object IoU 0.7")


def main() -> None:
    page = PAGE.read_text()
    creatures = json.loads((RESULTS / "chip_creatures.json").read_text())
    networks = {name: found for name, found in creatures.items() if name.startswith("creatures")}
    tables = {
        "deletion": deletion(networks),
        "against controls": controls(networks),
        "maps": maps(networks, MEASURES),
        "whole creatures": maps(networks, BOXES),
    }
    imagenet = RESULTS / "chip_imagenet.json"
    if imagenet.is_file():
        tables["imagenet"] = errors(json.loads(imagenet.read_text()))
    for name, lines in tables.items():
        begin, end = f"<!-- {name}: generated -->", f"<!-- {name}: end -->"
        block = "\n".join([begin, *lines, end])
        pattern = re.escape(begin) + ".*?" + re.escape(end)
        page, count = re.subn(pattern, lambda _, block=block: block, page, flags=re.DOTALL)  # type: ignore[misc]
        if not count:
            raise SystemExit(f"found no {begin} in {PAGE.name}; add both of its markers")
    PAGE.write_text(page)


def deletion(networks: dict[str, Any]) -> Iterator[str]:
    """Area under the class score, by the order in which channels close."""
    yield from head("network, layer", "R²", *CHANNELS)
    for name, found in networks.items():
        for layer, one in found["deletion"].items():
            area = one["area"]
            least = min(area.values())
            r2 = number(found["knowledge"][layer]["r2"], 2)
            cells = [bold(number(area[each]), area[each] == least) for each in CHANNELS]
            yield row(f"{name} `{layer}`", r2, *cells)


def controls(networks: dict[str, Any]) -> Iterator[str]:
    """CHIP's refined maps less the maps that they are to be held against."""
    yield from head("network, refined CHIP", "less", *MEASURES)
    for name, found in networks.items():
        for pair, one in found["chip_less_control"].items():
            own, other = pair.removeprefix("refined chip ").split(" less ")
            yield row(f"{name} {own}", other, *(interval(one[each]) for each in MEASURES))


def maps(networks: dict[str, Any], measures: Sequence[str]) -> Iterator[str]:
    """Means of every map."""
    yield from head("network", "map", *measures)
    for name, found in networks.items():
        for shown, one in found["localization"].items():
            yield row(name, shown, *(number(one[each]) for each in measures))


def errors(found: dict[str, Any]) -> Iterator[str]:
    """ILSVRC's localization errors of every map."""
    names = [name for name in next(iter(found["table"].values())) if "error" in name]
    yield from head("map", "images", *names)
    for shown, one in found["table"].items():
        cells = (interval(one[name], signed=False) if name in one else "" for name in names)
        yield row(shown, str(one["images"]), *cells)


def head(*names: str) -> Iterator[str]:
    yield row(*names)
    yield row(*("---" for _ in names))


def row(*cells: str) -> str:
    return "| " + " | ".join(cells).replace("|slope|", "\\|slope\\|") + " |"


def bold(text: str, chosen: bool) -> str:
    return f"**{text}**" if chosen else text


def number(value: float, digits: int = 3) -> str:
    """.247 for 0.247."""
    return f"{value:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.{digits}f}"


def interval(values: Sequence[float], signed: bool = True) -> str:
    """+.12 (.08 to .16)."""
    value, low, high = values
    sign = "+" if signed and value > 0 else ""
    return f"{sign}{number(value)} ({number(low)} to {number(high)})"


if __name__ == "__main__":
    main()
