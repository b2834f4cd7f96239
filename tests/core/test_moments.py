"""Moments against direct computation on the raw rows."""

from pathlib import Path

import pytest
import torch

from interp.engine.moments import Moments, Sums
from interp.errors import InputError

PARTS, TARGETS, CHUNK = 7, 3, 40


def rows(seed: int, count: int, per_target: bool) -> tuple[torch.Tensor, ...]:
    """States, scores that are linear in them but for noise, weights."""
    random = torch.Generator().manual_seed(seed)
    states = torch.randint(0, 2, (count, PARTS), generator=random, dtype=torch.uint8)
    truth = torch.arange(PARTS * TARGETS, dtype=torch.float64).reshape(PARTS, TARGETS).cos()
    noise = torch.randn(count, TARGETS, generator=random, dtype=torch.float64)
    shape = (count, TARGETS) if per_target else (count,)
    weights = torch.rand(shape, generator=random, dtype=torch.float64)
    return states, states.double() @ truth + 0.5 + 0.3 * noise, weights


def filled(seed: int, chunks: list[int], per_target: bool = False) -> Moments:
    moments = Moments("a")
    for chunk in chunks:
        moments.add(chunk, *rows(seed * 100 + chunk, CHUNK, per_target))
    return moments


def stacked(seed: int, chunks: list[int], per_target: bool = False) -> list[torch.Tensor]:
    found = [rows(seed * 100 + chunk, CHUNK, per_target) for chunk in chunks]
    return [torch.cat(each) for each in zip(*found, strict=True)]


def slow_fit(x: torch.Tensor, y: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Weighted least squares target by target, from the rows, (T, Q)."""
    w = w.reshape(len(x), -1).expand(len(x), y.shape[1])
    roots = w.sqrt()
    fits = [
        torch.linalg.lstsq(roots[:, [t]] * x, roots[:, t] * y[:, t]).solution
        for t in range(y.shape[1])
    ]
    return torch.stack(fits)


def solve(sums: Sums) -> torch.Tensor:
    return torch.linalg.solve(sums.gram, sums.b.unsqueeze(2)).squeeze(2)


@pytest.mark.parametrize("per_target", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_mapped_moments_equal_direct_computation(seed: int, per_target: bool) -> None:
    chunks = list(range(13))
    moments = filled(seed, chunks, per_target)
    states, y, w = stacked(seed, chunks, per_target)
    raw = torch.cat([torch.ones(len(states), 1, dtype=torch.float64), states.double()], 1)
    pooled = torch.cat([torch.zeros(1, PARTS), torch.diag(torch.arange(1.0, PARTS + 1))]).double()
    coarse = torch.zeros(PARTS + 1, 2, dtype=torch.float64)
    coarse[1:4, 0], coarse[4:, 1] = 1 / 3, 1 / 4  # fractions of 3 and of 4 fine parts
    for matrix in (torch.eye(PARTS + 1).double(), pooled, coarse):
        direct, mapped = Sums.of(raw @ matrix, y, w), moments.total.map(matrix)
        for name in ("x", "gram", "y", "b", "yy", "weight"):
            found, expected = getattr(mapped, name), getattr(direct, name)
            torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(
            solve(mapped), slow_fit(raw @ matrix, y, w), rtol=1e-9, atol=1e-9
        )


def test_r2_is_centred_and_weighted() -> None:
    moments = filled(1, [0, 1, 2], per_target=True)
    states, y, w = stacked(1, [0, 1, 2], per_target=True)
    x = torch.cat([torch.ones(len(states), 1, dtype=torch.float64), states.double()], 1)
    v = torch.randn(TARGETS, PARTS + 1, dtype=torch.float64) * 0.1
    mean = (w * y).sum(0) / w.sum(0)
    expected = 1 - (w * (y - x @ v.T) ** 2).sum(0) / (w * (y - mean) ** 2).sum(0)
    torch.testing.assert_close(moments.total.r2(v), expected, rtol=1e-9, atol=1e-9)


def test_shift_takes_a_level_off_the_scores() -> None:
    level = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)
    states, y, w = stacked(2, [0, 1])
    shifted, moments = filled(2, [0, 1]).shift(level), Moments("a")
    moments.add(0, states, y - level, w)
    for name in ("y", "b", "yy"):
        torch.testing.assert_close(getattr(shifted.total, name), getattr(moments.total, name))
    assert shifted.empty is not None
    torch.testing.assert_close(shifted.empty, y[1] - level)


def test_a_constant_score_has_no_r2_rather_than_an_infinite_one() -> None:
    states, _, w = rows(0, 50, False)
    moments = Moments("a")
    moments.add(0, states, torch.full((50, 1), 0.4), w)
    assert moments.total.r2(torch.zeros(1, PARTS + 1, dtype=torch.float64)).tolist() == [0.0]


def test_merging_equals_adding_in_one_go_whatever_the_order() -> None:
    whole = filled(3, list(range(24)))
    one, other = filled(3, list(range(0, 24, 2))), filled(3, list(range(1, 24, 2)))
    for joined in (one + other, other + one):
        torch.testing.assert_close(joined.total.gram, whole.total.gram, rtol=1e-12, atol=1e-12)
        assert joined.count == whole.count
        assert joined.full is not None and whole.full is not None
        torch.testing.assert_close(joined.full, whole.full)


def test_the_same_shard_twice_is_refused() -> None:
    shard = filled(3, [0, 2, 4])
    with pytest.raises(InputError, match=r"chunks \[2\]"):
        shard + filled(3, [1, 2])
    with pytest.raises(InputError, match="already"):
        shard.add(4, *rows(0, CHUNK, False))
    with pytest.raises(InputError, match="different experiments"):
        shard + Moments("b")
    assert shard.count == 3 * CHUNK


def test_saved_moments_open_as_they_were(tmp_path: Path) -> None:
    moments = filled(4, [0, 1, 12], per_target=True)
    moments.save(tmp_path / "m.safetensors")
    opened = Moments.open(tmp_path / "m.safetensors")
    assert (opened.key, opened.chunks) == (moments.key, moments.chunks)
    assert torch.equal(opened.total.gram, moments.total.gram)
    assert torch.equal(opened.full, moments.full)  # type: ignore[arg-type]
    (tmp_path / "bad.safetensors").write_bytes(b"\0" * 30)
    with pytest.raises(InputError, match="not a file of moments"):
        Moments.open(tmp_path / "bad.safetensors")


def test_jackknife_errors_equal_the_spread_of_repeated_runs() -> None:
    runs = [filled(seed, list(range(20))) for seed in range(1, 41)]
    spread = torch.stack([solve(each.total) for each in runs]).std(0)
    errors = torch.stack([each.jackknife(solve) for each in runs]).square().mean(0).sqrt()
    ratio = errors / spread
    assert 0.9 < float(ratio.mean()) < 1.1, ratio
    assert float(ratio.min()) > 0.6, ratio
    assert float(ratio.max()) < 1.6, ratio


def test_held_out_r2_is_high_for_signal_and_not_positive_for_noise() -> None:
    random = torch.Generator().manual_seed(1)
    noise = Moments("noise")
    for chunk in range(20):
        states, y, w = rows(chunk, CHUNK, False)
        noise.add(chunk, states, torch.randn(y.shape, generator=random), w)
    assert float(noise.cross_validate(solve).max()) < 0.01
    assert float(filled(5, list(range(20))).cross_validate(solve).min()) > 0.5


def test_cross_validation_equals_fitting_and_scoring_rows() -> None:
    chunks = list(range(20))
    moments = Moments("cv")
    data = {chunk: rows(chunk, CHUNK, False) for chunk in chunks}
    for chunk in chunks:
        moments.add(chunk, *data[chunk])
    rest = spread = 0.0
    for bucket in range(10):
        fold = [[data[c] for c in chunks if (c % 10 == bucket) == held] for held in (False, True)]
        (xs, ys, ws), (xt, yt, wt) = ([torch.cat(e) for e in zip(*f, strict=True)] for f in fold)
        lead = [torch.cat([torch.ones(len(x), 1), x], 1).double() for x in (xs, xt)]
        v = slow_fit(lead[0], ys, ws)
        rest = rest + (wt[:, None] * (yt - lead[1] @ v.T) ** 2).sum(0)
        mean = (wt[:, None] * yt).sum(0) / wt.sum()
        spread = spread + (wt[:, None] * (yt - mean) ** 2).sum(0)
    torch.testing.assert_close(moments.cross_validate(solve), 1 - rest / spread)
