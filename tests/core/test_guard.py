"""What a method leaves changed is put back before the next one, told and found by check."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import torch
from tests.broken.packages import REGISTRY, doing

from interp.comparison.compare import compare
from interp.comparison.result import ComparisonRequest
from interp.guard import copies, watched
from interp.network.weight_state import STEP, WHOLE, Originals, WeightState
from interp.registry import Registry
from interp.request import Choice, Request
from interp.run import run
from interp.session import Session
from interp.testing import MethodCase, ToyModel
from interp.testing.conformance import check_model_restored

IMAGE = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)

SPOILING = {
    "images[0][:5] = 0": "broken failed: ValueError: assignment destination is read-only",
    "import torch; torch.from_numpy(images[0])[:5] = 0": "the image (put back)",
    "[p.data.zero_() for p in model.module().parameters()]": "weights conv1.0.weight and 5 more",
    "model.module().conv1[0].weight.data[3] = 0": "weights conv1.0.weight (",
    "model.module().conv1[0].weight.data = model.module().conv1[0].weight.data + 1": "weights conv",
    "model.module().conv1.register_forward_hook(lambda m, i, o: o * 2)": "hooks of conv1 (put",
    "model.module().conv1.register_forward_pre_hook(lambda m, i: None)": "hooks of conv1 (put",
    "model.module().train()": "training mode of the module and 10 more (put back)",
    "model.module().conv1[0].weight.requires_grad_(False)": "requires_grad of conv1.0.weight (put",
    "model.forward(model.prepare(images[0])[0][None]).sum().backward()": "gradients of conv1.0",
    "model.module().conv1[1] = __import__('torch').nn.Identity()": "parts of conv1 (put back)",
    "model.module().forward = lambda x: x": "forward of the module (put back)",
    "import torch; torch.nn.modules.module.register_module_forward_hook(print)": "hooks of all mod",
    "import torch; torch.set_grad_enabled(False)": "torch.set_grad_enabled (put back)",
    "import torch; torch.set_default_dtype(torch.float64)": "torch.set_default_dtype (put back)",
    "import os; os.chdir('/')": "the working directory (put back)",
    "np.seterr(all='raise')": "numpy.seterr (put back)",
}
"""What a method does on the way to its map, and what its cell says of it."""


@pytest.fixture(params=SPOILING)
def spoiling(request, package, monkeypatch, tmp_path) -> tuple[str, Registry]:
    """The words that are expected, and the registry with a method that spoils something."""
    monkeypatch.chdir(tmp_path)
    package(doing(request.param), REGISTRY, installed=True)
    return SPOILING[request.param], Registry.load()


def compared(registry: Registry, *methods: str):
    request = ComparisonRequest(methods=tuple(Choice(name=each) for each in methods))
    return compare(request, Session(registry, ToyModel()), images=[IMAGE]).cases[0].cells


def test_the_next_method_notices_nothing_and_the_cell_says_so(spoiling) -> None:
    words, registry = spoiling
    directory, precision = Path.cwd(), torch.get_default_dtype()
    first, last = compared(registry, "gradcam", "saliency")
    one, broken, other = compared(registry, "gradcam", "broken", "saliency")
    np.testing.assert_array_equal(one.explanation.map(), first.explanation.map())
    np.testing.assert_array_equal(other.explanation.map(), last.explanation.map())
    told = broken.error or " ".join(broken.explanation.notes)
    assert words in told and "not put back" not in told
    assert (Path.cwd(), torch.get_default_dtype()) == (directory, precision)
    assert torch.is_grad_enabled() and np.geterr()["over"] == "warn"


def test_check_finds_it(spoiling) -> None:
    words, registry = spoiling
    case = MethodCase("broken", registry, targets=("0",))
    with pytest.raises(Exception) as caught:  # noqa: PT011 - an assertion, or the method's error
        check_model_restored(case)
    assert words.partition(" (")[0] in str(caught.value)


def test_a_run_alone_says_what_it_cannot_put_back(package) -> None:
    package(doing("model.module().head.bias.data += 1"), REGISTRY, installed=True)
    session = Session(Registry.load(), ToyModel())
    notes = run(Request(method="broken"), session, images=[IMAGE]).explanation.notes
    assert notes == ("broken left changed: weights head.bias (not put back: open the model again)",)


def test_an_error_says_what_was_left_too(package) -> None:
    package(doing("import os; os.chdir('/'); 1 / 0"), REGISTRY, installed=True)
    (cell,) = compared(Registry.load(), "broken")
    assert cell.error == (
        "broken failed: ZeroDivisionError: division by zero; it left changed: the working "
        "directory (put back)"
    )


@pytest.mark.parametrize("shape", [(700, 700), (64, 64, 3, 3), (9, 5000), (3000, 2), (WHOLE, 2)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_sample_meets_every_row(shape, layout) -> None:
    tensor = torch.rand(shape)
    tensor = tensor.to(memory_format=layout) if len(shape) == 4 else tensor
    for row in range(0, shape[0], max(1, shape[0] // 50)):
        state = WeightState.of("w", tensor)
        tensor[row] = 0
        assert state.changed(), row
    for column in range(0, shape[1], max(1, shape[1] // 50)) if shape[0] > STEP else ():
        state = WeightState.of("w", tensor)
        tensor[:, column] += 1
        assert state.changed(), column


def test_a_new_layout_of_the_same_values_is_no_change() -> None:
    tensor = torch.nn.Parameter(torch.rand(64, 64, 3, 3))
    state = WeightState.of("w", tensor)
    tensor.data = tensor.data.to(memory_format=torch.channels_last)
    assert not state.changed()
    tensor.data = tensor.data * 2
    assert state.changed() and state.restore(None) and not state.changed()


def test_weights_larger_than_the_budget_are_not_copied() -> None:
    model = ToyModel()
    assert copies(model, 10) is None
    assert isinstance(copies(model, 1 << 20), Originals)


def test_single_values_are_found_where_the_weight_was_written() -> None:
    tensor = torch.rand(700, 700)
    originals, state = tensor.clone(), WeightState.of("w", tensor)
    tensor[3, 4] += 1
    assert not state.changed() and state.changed(originals)
    assert state.restore(originals) and torch.equal(tensor, originals)


def test_threads_on_one_model_do_not_blame_each_other() -> None:
    model, inside, go_on = ToyModel(), Event(), Event()

    def other() -> list[str]:
        with watched(model) as watch:
            handle = model.module().conv1.register_forward_hook(lambda *_: None)
            inside.set()
            go_on.wait(10)
            handle.remove()
        return [each.words for each in watch.changes]

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(other)
        with watched(model) as watch:
            inside.wait(10)
        assert watch.changes == [] and len(model.module().conv1._forward_hooks) == 1
        go_on.set()
        assert waiting.result() == []
