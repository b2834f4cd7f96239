"""Folders that go on where they were stopped, also by a later version that knows more keys."""

from __future__ import annotations

import pytest

from interp.storage.resumable import same


@pytest.mark.parametrize(
    ("stored", "wanted", "expected"),
    [
        ({"options": {"device": "cpu"}}, {"options": {"device": "cpu", "readout": None}}, True),
        ({"options": {"device": "cpu"}}, {"options": {"device": "cpu", "readout": "value"}}, False),
        ({"options": {"device": "cpu"}}, {"options": {"device": None}}, False),
        ({"a": 1, "b": None}, {"a": 1}, False),
        ({"a": [1, 2]}, {"a": [1, 3]}, False),
    ],
)
def test_a_key_that_an_older_version_lacks_counts_as_null(stored, wanted, expected):
    assert same(stored, wanted) is expected
