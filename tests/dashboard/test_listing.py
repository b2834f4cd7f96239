"""Folders of many images: searched page by page, and no click looks through them."""

from __future__ import annotations

import threading
import time

import pytest

from interp_dashboard import listing as listings
from interp_dashboard.choice.image import LISTED
from interp_dashboard.listing import Listing, paths_below

MANY, MOST_SECONDS = 50_000, 0.2


def filled(folder, count):
    """A folder with this many empty files that are called like images."""
    folder.mkdir()
    for number in range(count):
        (folder / f"photo-{number:05d}.png").touch()
    return folder


def boxes(visitor, kind, label):
    return next(each for each in getattr(visitor.page, kind) if label in each.label)


def test_many_images_are_searched_and_those_chosen_stay(visit, started, tmp_path):
    folder = filled(tmp_path / "many", 3 * LISTED)
    for name in ("photo-00007.png", "photo-00250.png"):
        (folder / name).unlink()
        (folder / f"cat-{name}").write_bytes(b"no image")
    started(images=folder)
    visitor = visit("compare", image=["two"], method="centre")
    assert len(boxes(visitor, "multiselect", "Images").options) <= LISTED + 1
    boxes(visitor, "text_input", "Search").set_value("CAT").run()
    found = boxes(visitor, "multiselect", "Images")
    assert list(found.options) == ["two", "cat-photo-00007.png", "cat-photo-00250.png"]
    found.set_value(["two", "cat-photo-00250.png"]).run()
    boxes(visitor, "text_input", "Search").set_value("").run()
    boxes(visitor, "number_input", "Page").set_value(3).run()
    found = boxes(visitor, "multiselect", "Images")
    assert found.value == ["two", "cat-photo-00250.png"]
    assert "photo-00290.png" in found.options
    assert len(visitor.errors) == 1 and "cat-photo-00250.png" in visitor.errors[0]


def test_what_takes_long_is_made_behind(monkeypatch):
    made, go_on = [], threading.Event()

    def make():
        made.append(go_on.wait(60))
        return {}

    monkeypatch.setattr(listings, "QUICK", 0)
    monkeypatch.setattr(listings, "SHARE", 1e9)
    go_on.set()
    found = Listing(make)
    found.get()
    found.get()
    assert len(made) == 1  # it is not old yet
    monkeypatch.setattr(listings, "SHARE", 0)
    go_on.clear()
    found.get()  # does not wait for the new one
    assert len(made) == 1
    go_on.set()
    while len(made) < 2:
        time.sleep(0.01)


def test_what_takes_no_time_is_made_each_time(monkeypatch):
    monkeypatch.setattr(listings, "QUICK", 60)
    found = Listing(dict)
    assert found.get() is not found.get()


@pytest.mark.slow
def test_no_click_in_a_folder_of_50000_images_costs_much(visit, started, tmp_path):
    started(images=filled(tmp_path / "many", MANY))
    assert len(paths_below(tmp_path / "many")) == MANY
    visitor = visit("compare", image=["two"], method="centre")
    costs = []
    for words in ("0123", "photo-4", ""):
        box = boxes(visitor, "text_input", "Search")
        begun = time.process_time()
        box.set_value(words).run()
        costs.append(time.process_time() - begun)
    assert visitor.errors == []
    assert max(costs) < MOST_SECONDS, costs
