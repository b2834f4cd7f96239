"""What every adapter must pass, scores known by hand, and the message for a wrong file."""

from __future__ import annotations

import interp
import pytest
import torch
from interp.errors import ModelError
from interp.testing import EntryCase, entry_checks


@pytest.mark.parametrize("check", entry_checks("adapter"), ids=lambda check: check.__name__)
def test_it_keeps_the_rules_of_adapters(check):
    check(EntryCase("adapter", "my-name"))


def test_red_is_warm():
    model = interp.open_model("my-name-example")
    red = torch.zeros(1, 3, 64, 64)
    red[:, 0] = 1
    assert model.predict(red).tolist() == [[4, -3]]


def test_a_wrong_file_is_told(tmp_path):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("warm,4\n")
    with pytest.raises(ModelError, match="expected lines class,red,green,blue"):
        interp.open_model(f"my-name:{wrong}")
