"""Small transformers, and one of them computed by hand in NumPy, attention by attention."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from support import networks
from torch import Tensor, nn

from interp.spec import ModelOptions
from interp_torch.adapter import TorchAdapter
from interp_torch.opening import open_model

SIZE, PATCH, WIDTH, HEADS, DEPTH, CLASSES = 24, 8, 8, 2, 2, 3
CELLS = (SIZE // PATCH) ** 2


class Block(nn.Module):
    """Attention and a rectified linear layer, each normed before and added."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 12), nn.ReLU(), nn.Linear(12, WIDTH))

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class Attention(nn.Module):
    """Fused attention of HEADS heads."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        split = self.qkv(tokens).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(*split)
        return self.out(mixed.transpose(1, 2).flatten(2))


class Tiny(nn.Module):
    """Patches of 8 pixels in a 3 x 3 grid, `prefix` leading tokens, DEPTH blocks.

    Read by the first `read` leading tokens, by the mean of the cells, or by both side by side.
    """

    def __init__(self, prefix: int = 1, read: int = 1, pooled: bool = False) -> None:
        super().__init__()
        self.prefix, self.read, self.pooled = prefix, read, pooled
        self.stem = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.leading = nn.Parameter(torch.randn(1, prefix, WIDTH))
        self.position = nn.Parameter(0.3 * torch.randn(1, prefix + CELLS, WIDTH))
        self.blocks = nn.Sequential(*(Block() for _ in range(DEPTH)))
        for block in self.blocks:
            block.attention.qkv.weight.data *= 3  # so that tokens differ in whom they attend to
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH * (read + pooled), CLASSES)
        self.head.weight.data *= 4

    def forward(self, image: Tensor) -> Tensor:
        cells = self.stem(image).flatten(2).mT
        tokens = torch.cat([self.leading.expand(image.shape[0], -1, -1), cells], 1) + self.position
        tokens = self.norm(self.blocks(tokens))
        parts = [tokens[:, at] for at in range(self.read)]
        parts += [tokens[:, self.prefix :].mean(1)] if self.pooled else []
        return self.head(torch.cat(parts, 1))


@dataclass
class ByHand:
    """Tiny in float64, step by step; attention can be moved away from what it is."""

    net: Tiny

    def attention(self, pixels: np.ndarray) -> np.ndarray:
        """Probabilities (DEPTH, HEADS, T, T) for normalised pixels (3, h, w)."""
        return self._run(pixels, None, DEPTH)[1]

    def scores(
        self, pixels: np.ndarray, offsets: np.ndarray | None = None, depth: int = DEPTH
    ) -> np.ndarray:
        """Class scores (K,) of the tokens after `depth` blocks, with offsets on the attention."""
        return self._run(pixels, offsets, depth)[0]

    def slopes(self, pixels: np.ndarray, target: int, depth: int = DEPTH) -> np.ndarray:
        """d score / d attention (DEPTH, HEADS, T, T), entry by entry, by central differences."""
        found = np.zeros_like(self.attention(pixels))
        for place in np.ndindex(found.shape):
            ends = []
            for step in (1e-4, -1e-4):
                moved = np.zeros_like(found)
                moved[place] = step
                ends.append(self.scores(pixels, moved, depth)[target])
            found[place] = (ends[0] - ends[1]) / 2e-4
        return found

    def _run(
        self, pixels: np.ndarray, offsets: np.ndarray | None, depth: int
    ) -> tuple[np.ndarray, np.ndarray]:
        w = {name: each.detach().double().numpy() for name, each in self.net.state_dict().items()}
        side, prefix = SIZE // PATCH, self.net.prefix
        patches = pixels.reshape(3, side, PATCH, side, PATCH).transpose(1, 3, 0, 2, 4)
        cells = patches.reshape(CELLS, -1) @ w["stem.weight"].reshape(WIDTH, -1).T + w["stem.bias"]
        x = np.concatenate([w["leading"][0], cells]) + w["position"][0]
        weights = []
        for at in range(depth):
            name = f"blocks.{at}"
            qkv = _linear(w, f"{name}.attention.qkv", _norm(w, f"{name}.norm1", x))
            mixed = []
            for head in range(HEADS):
                wide = WIDTH // HEADS
                q, k, v = (qkv[:, part * WIDTH + head * wide :][:, :wide] for part in range(3))
                raw = np.exp(q @ k.T / np.sqrt(wide))
                share = raw / raw.sum(1, keepdims=True)
                weights.append(share)
                share = share if offsets is None else share + offsets[at, head]
                mixed.append(share @ v)
            x = x + _linear(w, f"{name}.attention.out", np.concatenate(mixed, 1))
            hidden = np.maximum(_linear(w, f"{name}.mlp.0", _norm(w, f"{name}.norm2", x)), 0)
            x = x + _linear(w, f"{name}.mlp.2", hidden)
        x = _norm(w, "norm", x)
        parts = [x[at] for at in range(self.net.read)]
        parts += [x[prefix:].mean(0)] if self.net.pooled else []
        scores = _linear(w, "head", np.concatenate(parts))
        return scores, np.array(weights).reshape(depth, HEADS, len(x), len(x))


def _linear(w: dict[str, np.ndarray], name: str, x: np.ndarray) -> np.ndarray:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _norm(w: dict[str, np.ndarray], name: str, x: np.ndarray) -> np.ndarray:
    centred = x - x.mean(1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
    return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]


@pytest.fixture(scope="session")
def tiny() -> Callable[..., TorchAdapter]:
    """tiny(seed, **how): Tiny of a seed, opened on RGB as it is."""

    def made(seed: int = 0, **how: object) -> TorchAdapter:
        return wrapped(networks.seeded(lambda: Tiny(**how), seed))  # type: ignore[arg-type]

    return made


def wrapped(module: nn.Module, size: int = SIZE) -> TorchAdapter:
    """A module on images of `size` pixels, RGB in [0, 1] as it is."""
    given = {"size": (size, size), "mean": (0.0,) * 3, "std": (1.0,) * 3}
    return open_model(module.eval(), ModelOptions(device="cpu", input=given))


def picture(seed: int, size: int = SIZE) -> np.ndarray:
    """Noise of a seed, (size, size, 3) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)


@pytest.fixture(name="open_module")
def give_wrapped() -> Callable[..., TorchAdapter]:
    """What opens a module on RGB as it is."""
    return wrapped


@pytest.fixture(name="picture")
def give_picture() -> Callable[..., np.ndarray]:
    """What draws noise of a seed."""
    return picture


@pytest.fixture(name="by_hand")
def give_by_hand() -> type[ByHand]:
    """The same network computed by hand."""
    return ByHand
