"""Packages that a test lets be missing."""

from __future__ import annotations

import builtins

import pytest


def absent(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let a package be missing."""
    real = builtins.__import__

    def missing(wanted: str, *rest: object, **named: object) -> object:
        if wanted.partition(".")[0] == name:
            raise ImportError(f"No module named {name!r}")
        return real(wanted, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", missing)
