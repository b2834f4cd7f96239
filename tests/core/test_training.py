"""The training loop: order, variation, samples, kill and resume, NaN, budgets, global seeds."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from interp.context import Budget, Context
from interp.dataset import Dataset, Example
from interp.errors import Cancelled, InputError
from interp.testing import ToyModel
from interp.training.loop import Run, train
from interp.training.samples import Samples, gather, ordered
from interp.training.task import Plan, Task
from interp.training.variation import Variation

PLAN = Plan(epochs=4, batch_size=8, key="k", seed=3)


@dataclass(frozen=True, eq=False)
class Spots(Dataset):
    """Noise of the given labels."""

    labels: tuple[int | None, ...] = (0, 1) * 10
    names: tuple[str, ...] = ("ant", "bee")

    @property
    def classes(self) -> tuple[str, ...]:
        return self.names

    @property
    def fingerprint(self) -> str:
        return "spots"

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Example:
        image = np.random.default_rng(index).integers(0, 256, (30, 34, 3), np.uint8)
        return Example(f"s{index}", image, self.labels[index])


class Linear(Task):
    """Logistic regression behind dropout, whose randomness is torch's global one."""

    def __init__(self, size: int, spoil: int | None = None) -> None:
        part = nn.Linear(3 * size * size, 2)
        nn.init.zeros_(part.weight)
        nn.init.zeros_(part.bias)
        self.spoil, self.begun = spoil, list[int]()
        net = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), part)
        self.modules = {"net": net}
        self.optimizers = {"net": torch.optim.Adam(net.parameters(), 1e-3)}

    def begin(self, epoch: int) -> list[str]:
        self.begun.append(epoch)
        return ["net"]

    def losses(self, epoch: int, modules: dict[str, Any], images: Any, labels: Any) -> Any:
        loss = nn.functional.cross_entropy(modules["net"](images), labels)
        return {"loss": loss * float("nan") if epoch == self.spoil else loss}

    def weights(self) -> list[torch.Tensor]:
        return [each.clone() for each in self.modules["net"].state_dict().values()]


@pytest.fixture(scope="module")
def samples() -> Samples:
    return gather(ToyModel(), Spots(), [0, 1], Context())


def task(spoil: int | None = None) -> Linear:
    return Linear(ToyModel().spec.input.size[0], spoil)


def test_every_sample_once_in_another_order_each_epoch() -> None:
    for count, size in ((20, 8), (7, 7), (9, 4), (1, 4)):
        batches = ordered(0, 1, count, size)
        assert sorted(np.concatenate(batches).tolist()) == list(range(count))
        assert max(map(len, batches)) <= size
        assert max(map(len, batches)) - min(map(len, batches)) <= 1
    first, second = (np.concatenate(ordered(0, epoch, 50, 8)).tolist() for epoch in (0, 1))
    assert first != second


def test_variation_against_one_image_at_a_time() -> None:
    images = torch.rand(6, 3, 9, 11)
    chosen = np.array([5, 0, 3, 2, 1, 4])
    for epoch in range(4):
        found = Variation(True, 2).vary(images, chosen, 7, epoch, 6)
        for at, each in enumerate(images):
            frame = torch.zeros(3, 13, 15)
            frame[:, 2:11, 2:13] = each
            mirrored = torch.zeros(3, 13, 15)
            mirrored[:, 2:11, 2:13] = each.flip(2)
            windows = [
                whole[:, top : top + 9, left : left + 11]
                for whole in (frame, mirrored)
                for top in range(5)
                for left in range(5)
            ]
            assert any(torch.equal(found[at], window) for window in windows)
    assert torch.equal(Variation(False, 0).vary(images, chosen, 7, 0, 6), images)


def test_an_image_varies_alike_in_any_batch() -> None:
    images = torch.rand(6, 3, 9, 9)
    together = Variation().vary(images, np.arange(6), 1, 2, 6)
    for at in range(6):
        alone = Variation().vary(images[at : at + 1], np.array([at]), 1, 2, 6)
        assert torch.equal(alone[0], together[at])


def test_samples_in_memory_and_read_again_are_the_same(samples: Samples) -> None:
    again = gather(ToyModel(), Spots(), [0, 1], Context(budget=Budget(memory=1)))
    assert samples.pixels is not None and again.pixels is None
    chosen = np.array([3, 0, 19])
    for part in (slice(None), 1):
        one, other = (each if part != 1 else each.split(0.3, 0)[0] for each in (samples, again))
        few = chosen[chosen < len(one)]
        assert torch.equal(one.images(few), other.images(few))
    assert samples.labels.tolist() == [0, 1] * 10


def test_alternate_halves_hold_all_classes(samples: Samples) -> None:
    """Labels that alternate too would else put one class in each half."""
    assert samples.labels.tolist() == [0, 1] * (len(samples) // 2)
    seen = samples.alternate()
    assert np.bincount(samples.labels[seen]).tolist() == [len(samples) // 4] * 2
    assert np.bincount(samples.labels[~seen]).tolist() == [len(samples) // 4] * 2
    assert samples.part(np.arange(3)).alternate().tolist() == [True, True, False]


def test_split_is_fair_and_whole(samples: Samples) -> None:
    rest, apart = samples.split(0.2, 0)
    assert sorted([*rest.places, *apart.places]) == list(range(20))
    assert np.bincount(apart.labels).tolist() == [2, 2]
    assert (np.diff(samples.split(0.5, 0)[1].places) < 0).any()  # in random order
    for part in (rest, apart):
        assert (part.places % 2 == part.labels).all()
        assert torch.equal(part.images(np.array([1]))[0], samples.images(part.places[1:2])[0])


def test_labels_become_the_model_s() -> None:
    assert gather(ToyModel(), Spots(), [2, 0], Context()).labels.tolist() == [2, 0] * 10


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Spots((0,) * 5, ("ant",)), "found 1 class .*expected two or more"),
        (Spots((0, 0, 0, 1)), "fewer than two images of bee"),
        (Spots((0, 1, 2, 1)), "image s2 has label 2; expected 0 to 1"),
        (Spots((0, 1, -1, 1)), "image s2 has label -1"),
        (Spots((None, None)), "fewer than two images of ant, bee"),
    ],
)
def test_data_that_cannot_be_learned_from(dataset: Spots, message: str) -> None:
    with pytest.raises(InputError, match=message):
        gather(ToyModel(), dataset, list(range(len(dataset.classes))), Context())


def test_images_without_label_are_counted() -> None:
    found = gather(ToyModel(), Spots((0, 1, None, 0, 1)), [0, 1], Context())
    assert len(found) == 4 and found.notes == ("1 images without a label were left out",)


@pytest.mark.parametrize("killed", [1, 2, 3])
def test_kill_and_resume_gives_the_same_weights(
    samples: Samples, tmp_path: Path, killed: int
) -> None:
    whole = task()
    rows, early = train(whole, samples, PLAN, Context())
    assert not early and [row["epoch"] for row in rows] == [0, 1, 2, 3]
    calls = []

    def stop() -> bool:
        calls.append(1)
        return len(calls) > killed * 3 + 1  # in the middle of an epoch of three steps

    with pytest.raises(Cancelled):
        train(task(), samples, PLAN, Context(cancelled=stop, checkpoint=tmp_path))
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(each) for each in lines] == rows[:killed]
    resumed = task()
    again, _ = train(resumed, samples, PLAN, Context(checkpoint=tmp_path))
    assert again == rows and resumed.begun == [*range(killed, 4)]
    assert all(torch.equal(*pair) for pair in zip(whole.weights(), resumed.weights(), strict=True))


def test_another_key_is_another_training(samples: Samples, tmp_path: Path) -> None:
    train(task(), samples, PLAN, Context(checkpoint=tmp_path))
    other = task()
    train(other, samples, Plan(1, 8, "other"), Context(checkpoint=tmp_path))
    assert other.begun == [0]


def test_nan_names_the_epoch_and_keeps_the_state_before(samples: Samples, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"NaN or infinite in epoch 2; the state after epoch 1 is"):
        train(task(spoil=2), samples, PLAN, Context(checkpoint=tmp_path))
    resumed, whole = task(), task()
    train(resumed, samples, PLAN, Context(checkpoint=tmp_path))
    train(whole, samples, PLAN, Context())
    assert resumed.begun == [2, 3]
    assert all(torch.equal(*pair) for pair in zip(whole.weights(), resumed.weights(), strict=True))


def test_a_full_disk_keeps_the_old_state(
    samples: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, calls = torch.save, []

    def full(state: Any, file: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            file.write(b"half")
            raise OSError(28, "No space left on device")
        save(state, file)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(InputError, match=r"No space left.*kept before is whole"):
        train(task(), samples, PLAN, Context(checkpoint=tmp_path))
    resumed = task()
    train(resumed, samples, PLAN, Context(checkpoint=tmp_path))
    assert resumed.begun == [1, 2, 3]


def test_a_torn_state_is_told(samples: Samples, tmp_path: Path) -> None:
    (tmp_path / "training-k.pt").write_bytes(b"half")
    with pytest.raises(InputError, match="is damaged; remove it to begin again"):
        train(task(), samples, PLAN, Context(checkpoint=tmp_path))


def test_the_time_budget_ends_after_a_whole_epoch(samples: Samples) -> None:
    spent = Context(budget=Budget(seconds=0.0))
    rows, early = train(task(), samples, PLAN, spent)
    assert len(rows) == 1 and early == "the time budget ended training after 1 epochs"


def test_global_generators_are_left_alone(samples: Samples) -> None:
    def states() -> list[Any]:
        legacy = np.random.get_state()  # noqa: NPY002
        return [random.getstate(), str(legacy), torch.get_rng_state().tolist()]

    kept = task()
    before = states()
    train(kept, samples, PLAN, Context())
    assert states() == before


def test_progress_counts_steps_of_all_epochs(samples: Samples) -> None:
    told = []
    train(task(), samples, PLAN, Context(progress=lambda *each: told.append(each)))
    assert told == [("training", step, 12) for step in range(1, 13)]


def test_fewer_images_than_devices(samples: Samples) -> None:
    with pytest.raises(InputError, match="in batches of 1 for 2 devices"):
        train(task(), samples, Plan(1, 1, "k", devices=2), Context())


def test_half_precision_is_mixed(samples: Samples) -> None:
    """Forward passes in bfloat16, weights in float32."""
    seen = []

    class Watched(Linear):
        def losses(self, epoch: int, modules: dict[str, Any], images: Any, labels: Any) -> Any:
            self.modules["net"][2].register_forward_hook(lambda *each: seen.append(each[2].dtype))
            return super().losses(epoch, modules, images, labels)

    made = Watched(ToyModel().spec.input.size[0])
    train(made, samples, Plan(1, 20, "k", precision="bf16"), Context())
    assert seen == [torch.bfloat16]
    assert {each.dtype for each in made.weights()} == {torch.float32}


def layout(network: nn.Module, device: str = "cpu") -> Any:
    task = SimpleNamespace(modules={"network": network})
    fabric = SimpleNamespace(device=torch.device(device))
    return Run(task, None, None, None, None, fabric)._layout  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("convolution", "device", "expected"),
    [
        (nn.Conv2d(6, 8, 3, 2), "cpu", torch.channels_last),
        (nn.Conv2d(6, 8, 1), "cpu", torch.channels_last),
        (nn.Conv2d(6, 8, 1, 2), "cpu", torch.contiguous_format),
        (nn.Conv2d(6, 8, 1, 2), "cuda", torch.channels_last),
    ],
)
def test_strided_1x1_convolutions_train_contiguous_on_a_cpu(
    convolution: nn.Module, device: str, expected: torch.memory_format
) -> None:
    assert layout(nn.Sequential(nn.Conv2d(3, 6, 3), convolution), device) == expected
