"""Random states that are the same on every machine: Philox keyed by seed, stream and chunk."""

import hashlib
from typing import Literal

import numpy as np

KeepProbability = float | Literal["uniform"]
"""The probability that a part is on; with "uniform" each state (row) draws its own in [0.5, 1)."""


def draw_states(
    seed: int, stream: str, chunk: int, shape: tuple[int, int], keep: KeepProbability = 0.5
) -> np.ndarray:
    """States (B, P) uint8 of a chunk; each part is on with probability `keep`.

    They come from raw bits, so they depend neither on NumPy's version, nor on the device, the batch
    size or what was drawn before.
    """
    count = shape[0] * shape[1]
    raw = draw_bits(seed, stream, chunk, count + shape[0])
    rates = raw[count : count + shape[0], None]  # bits that no part has used, (B, 1)
    limit = rates // 2 + 2**31 if keep == "uniform" else int(keep * 2**32)
    return (raw[:count].reshape(shape) < limit).astype(np.uint8)


def draw_bits(seed: int, stream: str, chunk: int, count: int) -> np.ndarray:
    """Random bits (count,) uint32 of a chunk, whatever was drawn before."""
    digest = hashlib.sha256(f"{seed}/{stream}".encode()).digest()
    bits = np.random.Philox(
        key=np.frombuffer(digest[:16], np.uint64), counter=np.array([0, 0, 0, chunk], np.uint64)
    )
    return bits.random_raw((count + 1) // 2).view(np.uint32)[:count]


def draw_noise(seed: int, number: int, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal noise float32 of one draw by its number, whatever was drawn before."""
    key = np.random.SeedSequence([seed, number])
    return np.random.Generator(np.random.Philox(key)).standard_normal(shape, np.float32)


def content_key(*parts: object) -> str:
    """A short sha256 of arrays (by bytes and shape) and of anything else (by repr)."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:24]
