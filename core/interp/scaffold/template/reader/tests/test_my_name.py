"""What every reader must pass, and a picture that is known."""

from __future__ import annotations

import pytest
from interp.errors import InputError
from interp.testing import EntryCase, entry_checks

from my_package import SIDE, open_my_name


@pytest.mark.parametrize("check", entry_checks("reader"), ids=lambda check: check.__name__)
def test_it_keeps_the_rules_of_readers(check):
    check(EntryCase("reader", "my-name"))


def test_a_picture_is_read_as_it_is_drawn(tmp_path):
    (tmp_path / "two.my-name").write_text("dot\n#.\n..\n\nall\n##\n##\n")
    data = open_my_name(tmp_path / "two.my-name")
    assert data.classes == ("all", "dot") and [each.label for each in data] == [1, 0]
    bright = data[0].image[..., 0] == 230
    assert bright[:SIDE, :SIDE].all() and bright.sum() == SIDE * SIDE


def test_rows_of_other_lengths_are_refused(tmp_path):
    (tmp_path / "bad.my-name").write_text("dot\n#.\n...\n")
    with pytest.raises(InputError, match="expected a name and equal rows"):
        open_my_name(tmp_path / "bad.my-name")
