"""From moments to both scales' importances, against the same done on the rows."""

import numpy as np
import pytest
import torch

from interp.engine.moments import BUCKETS, Moments, Sums
from interp_mint.admm import NestedAdmm
from interp_mint.features import Features
from interp_mint.params import MintParams
from interp_mint.partition import Partition
from interp_mint.problem import Problem
from interp_mint.solve import select_target, solve

PARAMS = MintParams()
LABELS = np.arange(12).repeat(2).reshape(4, 6)
PARTITION = Partition(LABELS // 4, LABELS)
CHUNK = 50


def rows(seed: int, chunks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    states = random.integers(0, 2, (chunks * CHUNK, 12))
    y = 0.3 + 0.2 * states[:, [1, 5]] - 0.1 * states[:, [2, 9]]
    y += random.normal(0, 0.05, y.shape)
    return states, y, random.uniform(0.2, 1, len(states))


def moments_of(states: np.ndarray, y: np.ndarray, h: np.ndarray) -> Moments:
    moments = Moments("a")
    for chunk in range(len(states) // CHUNK):
        at = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        moments.add(chunk, *(torch.from_numpy(each[at]) for each in (states, y, h)))
    return moments


def features(seed: int) -> Features:
    random = np.random.default_rng(seed)
    return Features(PARTITION, random.uniform(0.5, 2, 3), random.uniform(0.5, 2, 12))


@pytest.mark.parametrize("seed", range(3))
def test_the_solution_equals_that_of_the_rows(seed: int) -> None:
    states, y, h = rows(seed, 13)
    pool, given = moments_of(states, y[:, :1], h), features(seed)
    found = solve(pool, given, PARAMS)
    raw = np.hstack([np.ones((len(states), 1)), states])
    z_c, z_f = raw @ given.coarse_map(), raw @ given.fine_map()
    bucket = np.arange(len(states)) // CHUNK % BUCKETS

    def weights(kept: np.ndarray) -> list[np.ndarray]:
        sums = [
            Sums.of(*(torch.from_numpy(each[kept]) for each in (z, y[:, :1], h)))
            for z in (z_c, z_f)
        ]
        tree = torch.from_numpy(PARTITION.tree)
        problem = Problem.of([(sums[0], sums[1])], tree, PARAMS.lambda_c, PARAMS.lambda_f, 1.0)
        solved = NestedAdmm().solve(problem)
        return [each[0].numpy() for each in (solved.w_c, solved.w_f)]

    whole = weights(np.ones(len(states), bool))
    left = [weights(bucket != each) for each in range(BUCKETS)]
    for at, (scale, z, a) in enumerate(
        [(found.coarse, z_c, given.coarse), (found.fine, z_f, given.fine)]
    ):
        np.testing.assert_allclose(scale.importance, whole[at] * a, rtol=1e-4, atol=1e-6)
        rest = sum(
            (h * (y[:, 0] - z @ left[each][at]) ** 2)[bucket == each].sum()
            for each in range(BUCKETS)
        )
        spread = 0.0
        for each in range(BUCKETS):
            own, weight = y[bucket == each, 0], h[bucket == each]
            spread += (weight * (own - np.average(own, weights=weight)) ** 2).sum()
        assert scale.r2 == pytest.approx(1 - rest / spread, abs=1e-4)
        apart = np.stack([each[at] for each in left]) * a
        error = np.sqrt((BUCKETS - 1) * ((apart - apart.mean(0)) ** 2).mean(0))
        assert scale.standard_error is not None
        np.testing.assert_allclose(scale.standard_error, error, rtol=0.02, atol=1e-5)


def test_standard_errors_tell_the_spread_of_repeated_runs() -> None:
    given = features(0)
    runs = [solve(moments_of(*_first(rows(seed, 20))), given, PARAMS) for seed in range(30)]
    spread = np.std([each.fine.importance for each in runs], axis=0)
    said = np.mean(np.stack([each.fine.standard_error for each in runs]), axis=0)  # type: ignore
    assert 0.6 < (said / spread).mean() < 1.7


def _first(found: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    states, y, h = found
    return states, y[:, :1], h


def test_one_of_several_targets_is_as_if_alone() -> None:
    states, y, h = rows(4, 13)
    both = moments_of(states, y, h)
    for at in range(2):
        alone = solve(moments_of(states, y[:, [at]], h), features(4), PARAMS)
        found = solve(select_target(both, at), features(4), PARAMS)
        np.testing.assert_allclose(found.fine.importance, alone.fine.importance, atol=1e-9)
        assert found.fine.r2 == pytest.approx(alone.fine.r2, abs=1e-9)


def test_one_bucket_gives_no_held_out_fit() -> None:
    found = solve(moments_of(*_first(rows(0, 1))), features(0), PARAMS)
    assert found.fine.r2 is None and found.fine.standard_error is None
    assert 0 < found.fine.r2_inside <= 1


@pytest.mark.parametrize("seed", range(3))
def test_tied_importances_add_up_and_do_not_hang_on_the_features(seed: int) -> None:
    """Without sparsity a feature is only a unit: any features give the importances of all ones."""
    states, y, h = rows(seed, 13)
    pool, given = moments_of(states, y[:, :1], h), features(seed)
    tied = MintParams(coupling="importances")
    found = solve(pool, given, tied)
    total = [sum(found.fine.importance[i] for i in range(12) if i // 4 == j) for j in range(3)]
    np.testing.assert_allclose(found.coarse.importance, total, rtol=1e-4, atol=1e-6)
    free = tied.model_copy(update={"lambda_c": 0.0, "lambda_f": 0.0})
    ones = Features(PARTITION, np.ones(3), np.ones(12))
    for scale in ("coarse", "fine"):
        one, other = (getattr(solve(pool, each, free), scale) for each in (given, ones))
        np.testing.assert_allclose(one.importance, other.importance, rtol=1e-4, atol=1e-6)
    literal = solve(pool, given, free.model_copy(update={"coupling": "weights"}))
    assert np.abs(literal.coarse.importance - one_of(pool, ones, free)).max() > 1e-3


def one_of(pool: Moments, given: Features, params: MintParams) -> np.ndarray:
    return solve(pool, given, params).coarse.importance


@pytest.mark.parametrize("seed", range(3))
def test_scales_that_are_not_coupled_are_two_lassos(seed: int) -> None:
    """Each by a slow descent, coordinate by coordinate."""
    states, y, h = rows(seed, 13)
    given, apart = features(seed), MintParams(coupling="none")
    found = solve(moments_of(states, y[:, :1], h), given, apart)
    raw = np.hstack([np.ones((len(states), 1)), states])
    for scale, z, a, share in (
        (found.coarse, raw @ given.coarse_map(), given.coarse, apart.lambda_c),
        (found.fine, raw @ given.fine_map(), given.fine, apart.lambda_f),
    ):
        gram, r = (z.T * h) @ z, (z.T * h) @ y[:, 0]
        limit, w = share * np.abs(r).max(), np.zeros(len(a))
        for _ in range(500):
            for k in range(len(w)):
                rest = r[k] - gram[k] @ w + gram[k, k] * w[k]
                w[k] = np.sign(rest) * max(abs(rest) - limit, 0) / gram[k, k]
        np.testing.assert_allclose(scale.importance, w * a, rtol=1e-4, atol=1e-6)
