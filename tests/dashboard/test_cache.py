"""A few values, the ones used last."""

from __future__ import annotations

from interp_dashboard.cache import LruCache


def test_the_one_not_used_for_longest_goes_first():
    made = []
    kept = LruCache(2)

    def value(key):
        return kept.get(key, lambda: made.append(key) or key.upper())

    assert [value(each) for each in "abab"] == ["A", "B", "A", "B"]
    assert made == ["a", "b"]
    value("a")
    value("c")
    assert list(kept.values) == ["a", "c"]
    value("b")
    assert made == ["a", "b", "c", "b"]
