"""The model's scores on a design's states: in the fastest micro-batches, cached and shared."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from interp.cluster.ahead import ahead
from interp.context import Context
from interp.engine.component import Weighting
from interp.engine.convergence import rounds
from interp.engine.design import Design, Subject
from interp.engine.moments import BUCKETS, Moments
from interp.engine.random import content_key
from interp.errors import ModelError, out_of_memory
from interp.lazy_type import Tensor
from interp.memory import BatchSize
from interp.target import Target

AHEAD = 2
"""Micro-batches that are sent or encoded while another process answers."""
SAVE_EVERY = 5.0
"""Seconds between checkpoints."""
CACHE = 1 << 16
"""Bytes of a perturbed subject above which large micro-batches overflow a CPU's caches."""
LARGEST_ON_CPU = 32
"""The largest micro-batch of such subjects on a CPU; larger ones only take more memory."""
WHOLE = 1 << 20
"""Bytes of a perturbed chunk up to which it is one micro-batch, without a trial."""
WORKSPACE = 32
"""Bytes that a forward pass takes per byte of its input, roughly; bounds the first micro-batch."""


@dataclass(frozen=True)
class Answer:
    """A chunk's states (B, P) uint8 and the model's scores (B, K)."""

    chunk: int
    states: Tensor
    scores: Tensor


def respond(
    context: Context,
    subject: Subject,
    design: Design,
    output: str,
    count: int,
    skip: Collection[int] = (),
) -> Iterator[Answer]:
    """Scores as `output` for the first `count` states of the design, chunk by chunk.

    Chunks in `skip` are left out. Ends early when the time budget is spent, but not before one
    chunk is done. Raises Cancelled on request, and ModelError for scores that are NaN or infinite.
    """
    total = count if design.size is None else min(count, design.size)
    lengths = [min(design.chunk, total - start) for start in range(0, total, design.chunk)]
    left = [chunk for chunk in range(len(lengths)) if chunk not in skip]
    done = total - sum(lengths[chunk] for chunk in left)

    def in_time() -> Iterator[int]:
        for chunk in left:
            if context.out_of_time() and (chunk != left[0] or skip):
                return
            yield chunk

    def ask(chunk: int) -> Answer:
        states = design.draw(chunk)[: lengths[chunk]]
        raw = _scores(context, subject, design, chunk, states)
        return Answer(chunk, states, subject.model.probabilities(raw, output))  # type: ignore[arg-type]

    for answer in (ahead if subject.model.remote else map)(ask, in_time()):
        yield answer
        done += lengths[answer.chunk]
        context.progress("perturbed samples", done, total)


def accumulate(
    context: Context,
    subject: Subject,
    design: Design,
    targets: Sequence[Target],
    weighting: Weighting,
    output: str,
    count: int,
    second_order: bool = True,
    settled: Callable[[Moments], bool] | None = None,
) -> Moments:
    """Moments of the targets' scores on the first `count` states of the design.

    Where the context has a checkpoint folder, this goes on from what is there and saves every few
    seconds. Where Budget.until is not "samples", these are doubled until `settled` is true, up to
    the budget's number or a multiple of `count`. Raises as respond does.
    """
    import torch

    names = [(target.index, target.against) for target in targets]
    key = content_key(subject.key, design.key, names, weighting, output, second_order)
    path = None if context.checkpoint is None else context.checkpoint / f"{key}.safetensors"
    moments = Moments.open(path) if path is not None and path.exists() else Moments(key)
    saved = time.monotonic()
    numbers = _rounds(context, design, count, settled is not None)
    for upto in numbers:
        for answer in respond(context, subject, design, output, upto, set(moments.chunks)):
            scores = torch.stack([target.select(answer.scores) for target in targets], 1)  # (B, T)
            weights = weighting.weigh(design, answer.states, scores)
            if answer.chunk == 0 and not weighting.anchors:
                weights = torch.cat([torch.zeros_like(weights[:2]), weights[2:]])
            features = design.features(answer.states)
            moments.add(answer.chunk, features, scores, weights, second_order)
            if path is not None and time.monotonic() - saved > SAVE_EVERY:
                moments.save(path)
                saved = time.monotonic()
        if context.out_of_time() or (
            settled is not None and upto < numbers[-1] and settled(moments)
        ):
            break
    if path is not None:
        moments.save(path)
    return moments


def _rounds(context: Context, design: Design, count: int, growing: bool) -> list[int]:
    """Numbers of samples after which to stop or go on: all at once, or doubling until stable."""
    if not growing or context.budget.until == "samples" or design.size is not None:
        return [count]
    first = BUCKETS if context.budget.until == "stable" else BUCKETS // 2
    return rounds(first * design.chunk, count, context.budget)


def _scores(
    context: Context, subject: Subject, design: Design, chunk: int, states: Tensor
) -> Tensor:
    """Raw scores (B, K) of a chunk, from the cache where they are there."""
    kept = context.memory.kept_answers(context.budget.memory)
    key = (subject.key, design.key, chunk)
    found = kept.get(key)
    if found is None or len(found) < len(states):
        found = _ask(context, subject, design, states)
        kept.put(key, found)
    return found[: len(states)]


def _ask(context: Context, subject: Subject, design: Design, states: Tensor) -> Tensor:
    """Raw scores (B, K), run in micro-batches that are halved while memory runs out."""
    import torch

    batch = _batch_size(context, subject, design)
    while True:
        size = batch.size()
        begun = time.perf_counter()
        try:
            pieces = torch.split(states, size)
            scores = torch.cat(list(_answers(subject, design, pieces)))
            _check_rows(subject, scores, len(states))
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            batch.halve(size)
            continue
        if not bool(torch.isfinite(scores.sum())):  # also waits for the device
            raise ModelError(f"{subject.model.spec.name} answers NaN or infinity; check the model")
        if len(states) >= size:
            batch.measured(size, len(states), time.perf_counter() - begun)
        return scores


def _check_rows(subject: Subject, scores: Tensor, count: int) -> None:
    """Raise ModelError unless each of `count` perturbed inputs has its row of scores."""
    expected = (count, len(subject.model.spec.classes))
    if tuple(scores.shape) != expected:
        raise ModelError(
            f"{subject.model.spec.name} answers {tuple(scores.shape)} to {count} images; expected "
            f"one row for each, {expected}; its adapter loses some"
        )


def _answers(subject: Subject, design: Design, pieces: Sequence[Tensor]) -> Iterator[Tensor]:
    """The scores of each micro-batch.

    Where another process gives them, the next micro-batches are made and encoded while it works.
    """
    if not subject.model.remote:
        yield from (subject.scores(design.apply(piece)) for piece in pieces)
        return
    with ThreadPoolExecutor(AHEAD) as pool:
        waiting: deque[Future[Tensor]] = deque()
        for piece in pieces:
            perturbed = design.apply(piece)
            if len(waiting) == AHEAD:
                yield waiting.popleft().result()
            waiting.append(pool.submit(subject.scores, perturbed))
        yield from (each.result() for each in waiting)


def _batch_size(context: Context, subject: Subject, design: Design) -> BatchSize:
    """The micro-batch for this model and place; a first, unmeasured pass warms up."""
    key = (subject.model.spec.fingerprint, subject.place)
    sizes = context.memory.batch_sizes
    if key not in sizes:
        sample = design.apply(design.draw(0)[:1])
        subject.scores(sample)
        affordable = context.budget.memory // (WORKSPACE * max(subject.nbytes, 1))
        small = sample.device.type != "cpu" or subject.nbytes < CACHE
        largest = design.chunk if small else LARGEST_ON_CPU
        limit = max(1, min(design.chunk, affordable, largest))
        whole = design.chunk * subject.nbytes <= WHOLE
        fixed = limit if context.memory.steady or whole else None
        sizes[key] = BatchSize(limit, context.budget.batch_size or fixed)
    return sizes[key]
