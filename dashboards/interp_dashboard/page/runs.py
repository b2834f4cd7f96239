"""Runs: saved results of this visitor and shared ones; open one, or compare two."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from interp.comparison.result import Comparison
from interp.difference.difference import difference
from interp.difference.picture import difference_panels
from interp.errors import InputError, InterpError, first_line
from interp.evaluation.folder import open_evaluation
from interp.evaluation.table import figure, interval
from interp.plain_text import markdown, visible
from interp.result.bundle import open_bundle
from interp.short import setting_words
from interp.storage.folder import MANIFEST, day_and_time, read_json, read_whole
from interp_dashboard.comparison_view import show_comparison
from interp_dashboard.evidence_view import show_evidence
from interp_dashboard.history import LEARNED, RESULTS, history, kind_of
from interp_dashboard.label import Label, delete, label, labels, restore
from interp_dashboard.layout import grid, guarded, show_errors, show_table
from interp_dashboard.page.evaluate import show_evaluation
from interp_dashboard.page.fit import show_knowledge
from interp_dashboard.session import registry
from interp_dashboard.text import readable
from interp_dashboard.thumbnail import thumbnail

UNDO = "deleted run"
HEIGHT = 56
"""Pixels of a row with a picture."""
MOST_PANELS = 4
"""Pictures side by side of two runs: the image, A, B and their difference."""


@guarded
def page() -> None:
    """List the runs, name, tag and delete them, open one, compare two."""
    st.title("Runs")
    _offer_undo()
    found = history(*RESULTS, LEARNED)
    if not found:
        st.info("Nothing yet. Your runs on the other pages and the kept ones are listed here.")
        return
    st.write("Your own runs are removed two hours after you left; kept ones stay, for everybody.")
    rows = _searched(_rows(found))
    if not rows:
        st.info("No run has all of these words and tags.")
        return
    show_table(
        pd.DataFrame([{**each, "tags": ", ".join(each["tags"])} for each in rows]),
        hide_index=True,
        column_config={"picture": st.column_config.ImageColumn("", width="small")},
        row_height=HEIGHT,
    )
    titles = _titles(rows)
    opened, compared = st.tabs(["Open", "What differs"])
    with opened:
        name = st.selectbox("Run", list(titles), format_func=lambda each: visible(titles[each]))
        row = next(each for each in rows if each["folder"] == name)
        _change(found[name], row, titles[name])
        with show_errors(), read_whole(name, "a result"):
            _open(found[name])
    with compared:
        listed = {name: found[name] for name in titles if kind_of(found[name]) in RESULTS}
        _choose_two(listed, titles)


def _rows(found: dict[str, Path]) -> list[dict[str, Any]]:
    """A line of the table for each run, with its picture and its label."""
    known = {place: labels(place) for place in {each.parent for each in found.values()}}
    rows = []
    for name, folder in found.items():
        given = known[folder.parent].get(folder.name, Label())
        row = _row(name, folder)
        rows.append(
            {
                "picture": thumbnail(folder) or "",  # None would be shown as a word
                **row,
                "what": readable(given.title) or row["what"],
                "tags": [readable(each) for each in given.tags],
            }
        )
    return rows


def _searched(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with all words and tags that the visitor asks for."""
    one, two = st.columns([2, 1])
    words = one.text_input("Search", placeholder="method, image, model, name, day")
    said = words.casefold().split()
    every = sorted({tag for each in rows for tag in each["tags"]})
    tags = two.multiselect("Tags", every) if every else []
    texts = (" ".join(str(v) for k, v in row.items() if k != "picture").casefold() for row in rows)
    return [
        row
        for row, text in zip(rows, texts, strict=True)
        if all(each in text for each in said) and set(tags) <= set(row["tags"])
    ]


def _change(folder: Path, row: dict[str, Any], title: str) -> None:
    """Name and tag a run, or delete it."""
    with st.expander("Name, tags, delete"), show_errors():
        one, two = st.columns(2)
        given = labels(folder.parent).get(folder.name, Label())
        name = one.text_input("Name", given.title, key=f"name of {folder}", placeholder=row["what"])
        tags = two.text_input("Tags", ", ".join(given.tags), key=f"tags of {folder}")
        if one.button("Save name and tags", width="stretch"):
            label(folder, name, tags)
            st.rerun()
        if two.button("Delete this run", width="stretch"):
            st.session_state[UNDO] = title, delete(folder)
            st.rerun()


def _offer_undo() -> None:
    """Say which run was deleted last, and bring it back on request."""
    if UNDO not in st.session_state:
        return
    title, deleted = st.session_state[UNDO]
    words, button = st.columns([4, 1], vertical_alignment="center")
    words.write(markdown(f"Deleted: {title}"))
    if button.button("Undo", width="stretch"):
        with show_errors():
            restore(deleted)
            del st.session_state[UNDO]
            st.rerun()


def _choose_two(found: dict[str, Path], titles: dict[str, str]) -> None:
    if len(found) < 2:
        st.info("Two runs are needed to see what differs.")
        return
    one, two = st.columns(2)
    kinds = {name: kind_of(each) for name, each in found.items()}
    count = Counter(kinds.values())
    paired = next((at for at, kind in enumerate(kinds.values()) if count[kind] > 1), 0)
    before = one.selectbox("A", list(found), paired, format_func=lambda each: visible(titles[each]))
    kind = kinds[before]
    alike = [name for name, each in kinds.items() if name != before and each == kind]
    empty = f"no other {kind} is here"
    after = two.selectbox(
        "B", alike, placeholder=empty, format_func=lambda each: visible(titles[each])
    )
    if st.button("Compare A and B", disabled=after is None):
        show = _show_metric_changes if kind == "evaluation" else _show_difference
        with show_errors(), read_whole(f"{before} or {after}", "two results of one kind"):
            show(found[before], found[after])


def _row(name: str, folder: Path) -> dict[str, str]:
    """A run's line in the table; that of a damaged one says so."""
    try:
        with read_whole(name, "a result"):
            facts = _facts(folder)
    except InterpError as error:
        facts = {"what": f"damaged: {first_line(error)}", "kind": "", "model": "", "written": ""}
    return {**{key: readable(value) for key, value in facts.items()}, "folder": name}


def _facts(folder: Path) -> dict[str, Any]:
    about = read_json(folder / MANIFEST)
    request = read_json(folder / "request.json") if (folder / "request.json").is_file() else {}
    if about["kind"] == "evaluation":
        request = read_json(folder / "results.json")["request"]
    methods = request.get("methods") or [{"name": request.get("method", about.get("method"))}]
    named = ", ".join(each["name"] for each in methods)
    images = ", ".join(request.get("images", ())) or Path(request.get("data") or "").name
    return {
        "what": f"{named} on {images}" if images else named,
        "kind": about["kind"],
        "model": Path(request.get("model", "")).name,
        "written": day_and_time(about.get("written")),
    }


def _titles(rows: list[dict[str, Any]]) -> dict[str, str]:
    """What each folder is called in lists: methods, images and time, numbered where alike."""
    found: dict[str, str] = {}
    for row in rows:
        title = f"{row['what']}, {row['written']}"
        alike = sum(each.startswith(title) for each in found.values())
        found[row["folder"]] = f"{title} ({alike + 1})" if alike else title
    return found


def _open(folder: Path) -> None:
    kind = kind_of(folder)
    if kind == "explanation":
        _, found = open_bundle(folder, registry())
        show_evidence(registry(), found.evidence, found)
    elif kind == "evaluation":
        show_evaluation(open_evaluation(folder), folder)
    elif kind == LEARNED:
        show_knowledge(folder)
    else:
        show_comparison(Comparison.open(folder, registry()), folder.name)


def _show_difference(before: Path, after: Path) -> None:
    found = difference(before, after, registry())
    answer, _, more = found.verdict().partition(": ")
    st.subheader(answer.capitalize())
    st.write(markdown(more))
    if found.changes:
        rows = [(key, *map(setting_words, sides)) for key, sides in found.changes.items()]
        show_table(pd.DataFrame(rows, columns=["setting", "A", "B"]), hide_index=True)
    show_table(pd.DataFrame(found.summaries(), columns=["evidence", "difference"]), hide_index=True)
    try:
        drawn = difference_panels(registry(), found)
    except InputError as error:
        st.caption(f"No picture: {markdown(error)}")
        return
    for name, panels in drawn:
        st.markdown(f"**{markdown(name)}**")
        for column, (title, picture) in grid(panels.items(), MOST_PANELS):
            with column:
                st.caption(title)
                st.image(picture, alt=f"{title}: {name}")


def _show_metric_changes(before: Path, after: Path) -> None:
    """Show two evaluations: each method's mean by each metric, with its interval."""
    one, two = open_evaluation(before), open_evaluation(after)
    rows = []
    for metric in dict.fromkeys([*one.metrics, *two.metrics]):
        for method in dict.fromkeys([*one.methods, *two.methods]):
            cells = [each.table.get(metric, {}).get(method) for each in (one, two)]
            means = [each.mean for each in cells if each is not None]
            texts = ["–" if each is None else interval(each.mean) for each in cells]
            change = figure(means[1].value - means[0].value) if len(means) == 2 else "–"
            if means:
                rows.append((metric, method, *texts, change))
    st.subheader("Means of two evaluations")
    st.caption("Where the intervals overlap, there may be no difference.")
    columns = ["metric", "method", "A", "B", "B less A"]
    show_table(pd.DataFrame(rows, columns=columns), hide_index=True)
