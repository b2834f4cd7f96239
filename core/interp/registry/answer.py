"""What methods answer: known words, each with the question, and those that packages add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from interp.errors import InputError, nearest

ANSWERS = {
    "where": "Where in the image?",
    "which channels": "Which channels of a layer?",
    "which path": "Which path through the network?",
    "which parts": "Which parts of the object?",
    "which concepts": "Which concepts, of many images?",
    "which prototypes": "Which images or parts is it like?",
    "which counterfactuals": "What would have to be different?",
    "text": "Why, in words?",
}
"""The words for `answers` in a registry file, each with the question that is answered.

A registry file may add others under its key `answers`, in the same form.
"""
WHICH = "which "
"""Begins most words; `concepts` is short for `which concepts`."""


def find_answer(word: str, known: Iterable[str]) -> str | None:
    """The known word that is meant, `concepts` for `which concepts`; None for none."""
    words, plain = set(known), " ".join(word.split()).casefold()
    return next((each for each in (plain, f"{WHICH}{plain}") if each in words), None)


def known_answer(word: str, known: Mapping[str, str]) -> str:
    """The word that is meant. Raises InputError that offers near ones, or all of them."""
    found = find_answer(word, known)
    if found is None:
        raise InputError(f"found no answer {word!r} of methods; {nearest(word, known)}")
    return found
