"""Factored moments equal explicit sums over all pairs of a mask and an image."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from interp.errors import InputError
from interp_chip.moments import ALL, FOLDS, CellSums, FactoredMoments, Image

K, T, CHUNK = 7, 4, 6


def pairs(kind: str, images: int, chunks: int) -> tuple[FactoredMoments, list[tuple]]:
    """Moments of random masks, images and scores, and every pair as (fold, group, h, p, z, y)."""
    random = torch.Generator().manual_seed(images + chunks)

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=random, dtype=torch.float64)

    moments = FactoredMoments.empty("test", T, K)
    masks = {at: (draw(CHUNK, K) > 0.4).to(torch.uint8) for at in range(chunks)}
    h = {at: draw(CHUNK) for at in range(chunks)}
    rows = []
    for number in range(images):
        row = number % T if kind == "label" else -1
        p = draw(1 if kind == "label" else T) if kind != "all" else torch.ones(T).double()
        image = Image(draw(K), p, row, number // T % FOLDS)
        moments.add_image(str(number), image)
        for at, states in masks.items():
            y = draw(CHUNK, 1 if row >= 0 else T)
            moments.add_scores(str(number), at, states, y, h[at])
            for n, c in itertools.product(range(CHUNK), [row] if row >= 0 else range(T)):
                share, score = (p[0], y[n, 0]) if row >= 0 else (p[c], y[n, c])
                z = states[n].double() * image.pooled
                rows.append((c, at % FOLDS, image.group, h[at][n], share, z, score))
    for at, states in masks.items():
        moments.add_masks(at, states, h[at])
    return moments, rows


@pytest.mark.parametrize("kind", ["label", "all", "predicted"])
@pytest.mark.parametrize(("images", "masks"), [(ALL, ALL), ((0, 2), (1, 3, 4)), ((1,), (0,))])
def test_equal_explicit_sums(kind: str, images: tuple, masks: tuple) -> None:
    moments, rows = pairs(kind, images=13, chunks=7)
    found = moments.sums(slice(0, T), images, masks)
    for c in range(T):
        own = [each for each in rows if each[0] == c and each[1] in masks and each[2] in images]
        at = c if len(found.weight) > 1 else 0
        zero = torch.zeros(K, dtype=torch.float64)
        x = sum((h * p * z for *_, h, p, z, _ in own), zero)
        gram = sum((h * p * torch.outer(z, z) for *_, h, p, z, _ in own), torch.outer(zero, zero))
        b = sum((h * p * y * z for *_, h, p, z, y in own), zero)
        weight = sum((h * p for *_, h, p, _, _ in own), zero[0])
        y1 = sum((h * p * y for *_, h, p, _, y in own), zero[0])
        y2 = sum((h * p * y * y for *_, h, p, _, y in own), zero[0])
        for value, expected in (
            (found.x[at], x),
            (found.gram[at], gram),
            (found.b[c], b),
            (found.weight[at], weight),
            (found.y[c], y1),
            (found.yy[c], y2),
        ):
            torch.testing.assert_close(value, expected, rtol=1e-10, atol=1e-12)
    assert len(found.weight) == (1 if kind == "all" else T)


def test_small_differences_of_large_float32_scores_are_kept() -> None:
    random = torch.Generator().manual_seed(0)
    states = (torch.rand(1000, K, generator=random) > 0.3).to(torch.uint8)
    apart = states.float() @ torch.rand(K, T, generator=random) * 2**-9
    scores, h = 1000 + apart, torch.rand(1000, generator=random).double()  # to steps of 2^-14
    cell = CellSums.empty(Image(torch.ones(K).double(), torch.ones(T).double(), -1, 0), 0, T)
    cell.add(Image(torch.ones(K).double(), torch.ones(T).double(), -1, 0), 0, states, scores, h)
    y, d = scores.double(), states.double()
    whole, mean = h.sum(), (h @ y) / h.sum()
    spread, shared = h @ (y - mean).square(), (h[:, None] * (y - mean)).T @ d
    found = cell.b - cell.y[:, None] * (h @ d) / whole
    torch.testing.assert_close(found, shared, rtol=1e-5, atol=1e-6 * float(shared.abs().max()))
    torch.testing.assert_close(cell.yy - cell.y.square() / whole, spread, rtol=1e-4, atol=0)


def test_rows_can_be_taken_in_parts() -> None:
    moments, _ = pairs("label", images=9, chunks=3)
    whole, part = moments.sums(slice(0, T)), moments.sums(slice(1, 3))
    torch.testing.assert_close(part.gram, whole.gram[1:3])
    torch.testing.assert_close(part.b, whole.b[1:3])


@pytest.mark.parametrize("kind", ["label", "all", "predicted"])
def test_a_file_holds_all(kind: str) -> None:
    moments, _ = pairs(kind, images=6, chunks=3)
    again = FactoredMoments.of(moments.arrays(), moments.about())
    first, second = moments.sums(slice(0, T)), again.sums(slice(0, T))
    assert torch.equal(first.gram, second.gram) and torch.equal(first.b, second.b)
    assert again.chunks == moments.chunks and again.count == moments.count
    assert torch.equal(again.level, moments.level)


def some(images: range, chunks: range) -> FactoredMoments:
    """Moments of a part of one experiment."""
    moments = FactoredMoments.empty("one", 1, K)

    def random(*key: int) -> torch.Generator:
        return torch.Generator().manual_seed(sum(10**at * each for at, each in enumerate(key)))

    def states(at: int) -> Tensor:
        return (torch.rand(CHUNK, K, generator=random(1, at)) > 0.5).to(torch.uint8)

    h = torch.ones(CHUNK)
    for number in images:
        pooled = torch.rand(K, generator=random(2, number)).double()
        moments.add_image(f"{number}", Image(pooled, h[:1].double(), 0, number % FOLDS))
        for at in chunks:
            y = torch.rand(CHUNK, 1, generator=random(3, number, at))
            moments.add_scores(f"{number}", at, states(at), y, h)
    for at in chunks:
        moments.add_masks(at, states(at), h)
    return moments


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((range(4), range(2)), (range(4), range(2, 5))),
        ((range(3), range(5)), (range(3, 4), range(5))),
    ],
)
def test_adds_along_one_factor(first: tuple, second: tuple) -> None:
    joined, whole = some(*first) + some(*second), some(range(4), range(5))
    for name in ("gram", "b", "y", "yy", "x", "weight"):
        found, expected = (getattr(each.sums(slice(0, 1)), name) for each in (joined, whole))
        torch.testing.assert_close(found, expected)
    assert joined.count == whole.count


@pytest.mark.parametrize(
    "second", [(range(4), range(1, 3)), (range(2, 6), range(2)), (range(4, 6), range(2, 4))]
)
def test_refuses_overlap_and_gaps(second: tuple) -> None:
    with pytest.raises(InputError, match="overlap, or differ"):
        some(range(4), range(2)) + some(*second)


def test_refuses_the_same_twice() -> None:
    moments = some(range(2), range(2))
    with pytest.raises(InputError, match="chunk 1 is already"):
        moments.add_masks(1, torch.ones(CHUNK, K), torch.ones(CHUNK))
    with pytest.raises(InputError, match="image 1 is already"):
        moments.add_image("1", next(iter(moments.images.values())))


def test_a_copy_grows_apart() -> None:
    moments = some(range(2), range(2))
    kept = moments.copy()
    before = kept.sums(slice(0, 1)).b.clone()
    moments.add_scores("0", 2, torch.ones(CHUNK, K), torch.ones(CHUNK, 1), torch.ones(CHUNK))
    moments.add_masks(2, torch.ones(CHUNK, K), torch.ones(CHUNK))
    assert torch.equal(kept.sums(slice(0, 1)).b, before) and 2 not in kept.chunks
