"""What other libraries print, warn and log reaches the terminal with --debug alone."""

from __future__ import annotations

import os
import sys
import warnings

import pytest

from interp.cli import main
from interp.cli.quiet import libraries_silent
from interp.errors import PluginError

ENTRY = "{kind: dataset, name: wordy, package: NAME, summary: s}"
CODE = """
    import logging, os, sys, warnings
    from interp.hookspecs import hookimpl

    def wordy(count, seed):
        os.write(2, b"libtiff speaks")
        warnings.warn("Pillow warns")
        logging.getLogger("tifffile").error("tifffile logs")
        print("the user's own word", file=sys.stderr)
        raise ValueError("torn")

    @hookimpl
    def interp_register(registrar):
        registrar.add("dataset", "wordy", wordy)
"""
WORDS = ["data", "wordy", "--out", "made"]


@pytest.fixture
def wordy(package, tmp_path, monkeypatch):
    """A data set whose making is accompanied by words of every kind."""
    package(CODE.replace("Pillow warns", "NAME warns"), f"entries: [{ENTRY}]", installed=True)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("wordy")
def test_only_what_python_writes_is_seen(capfd):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert main(WORDS) == 1
    assert warned == []
    expected = "the user's own word\nerror: wordy failed: ValueError: torn\n"
    assert capfd.readouterr().err == expected


@pytest.mark.usefixtures("wordy")
def test_debug_shows_all(capfd):
    with pytest.raises(PluginError), pytest.warns(UserWarning, match="warns"):
        main([*WORDS, "--debug"])
    assert "libtiff speaks" in capfd.readouterr().err


def test_streams_are_as_before(capfd):
    before, filters = sys.stderr, list(warnings.filters)
    with libraries_silent():
        os.write(2, b"gone")
    assert (sys.stderr, warnings.filters) == (before, filters)
    os.write(2, b"seen")
    assert capfd.readouterr().err == "seen"
