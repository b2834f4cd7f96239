"""Slopes of scores at an activation by autograd, those of several targets in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from interp.errors import InputError
from interp.lazy_type import Tensor, nn
from interp.network.direction import OnStep, ignore
from interp.network.layout import to_maps
from interp.spec import Layer

TARGETS = 16
"""Targets differentiated in one pass."""
UNKNOWN = "NotImplemented"
"""End of the name of an operation without a derivative, such as a quantised one."""


def slopes(
    activation: Tensor,
    select: Sequence[Callable[[Tensor], Tensor]],
    score: Callable[[Tensor], Tensor],
    on_step: OnStep = ignore,
) -> Tensor | None:
    """d select_t(score(activation)) / d activation, (T, ...) float32, of an activation (1, ...).

    One of T images (T, ...) gives the slopes of target t at image t. score(activation) answers
    (B, K) for (B, ...). None where autograd records no way back from the scores; InputError for
    another number of images.
    """
    import torch

    images, count = len(activation), len(select)
    if images not in (1, count):
        raise InputError(
            f"the frontier holds {images} images for {count} targets; "
            "expected one image, or one target for each"
        )
    size = TARGETS if images == 1 else count
    found = []
    for start in range(0, count, size):
        chosen = select[start : start + size]
        slope = _slopes(activation, chosen, score)
        if slope is None:
            return None
        found.append(slope)
        on_step(min(start + size, count), count)
    return torch.cat(found)


def _slopes(
    activation: Tensor,
    select: Sequence[Callable[[Tensor], Tensor]],
    score: Callable[[Tensor], Tensor],
) -> Tensor | None:
    """The same in one pass."""
    import torch

    shape = (len(select), *activation.shape[1:])
    with torch.enable_grad():
        leaf = activation.detach().expand(shape).clone().requires_grad_()
        scores = score(leaf.view_as(leaf))  # a caller's FlopCounterMode hooks no leaves
        chosen = [each(row) for each, row in zip(select, scores, strict=True)]
        total = torch.stack(chosen).sum()
        return torch.autograd.grad(total, leaf)[0].float() if reaches(total, leaf) else None


def sloped(scores: Tensor, layers: Sequence[Layer], values: Sequence[Tensor]) -> set[str]:
    """The names of the layers whose maps the scores (1, K) have slopes by.

    The scores are recorded from the layers' values, each in the layer's own layout. Slopes of a
    random sum of the scores, the same every time, stand for those of all.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(scores.shape, generator=generator).to(scores)
    known = [pair for pair in zip(layers, values, strict=True) if pair[1].requires_grad]
    total = (scores * weights).sum()
    found = torch.autograd.grad(total, [each for _, each in known], allow_unused=True)
    return {
        layer.name
        for (layer, _), slope in zip(known, found, strict=True)
        if slope is not None and bool(to_maps(layer, slope).any())
    }


def reaches(scores: Tensor, leaf: Tensor) -> bool:
    """Whether the recorded operations lead from the scores back to `leaf`, which needs slopes.

    They do not where the model turns recording off, leaves PyTorch on the way, or is quantised.
    """
    nodes, seen = [scores.grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node is None or node in seen or node.name().endswith(UNKNOWN):
            continue
        seen.add(node)
        if getattr(node, "variable", None) is leaf:
            return True
        nodes += [each for each, _ in node.next_functions]
    return False


def overruns_channels_last(parts: Iterable[nn.Module]) -> bool:
    """Whether slopes through these parts, channels last on a CPU, may write beyond their memory.

    Strided 1 x 1 convolutions do (seen in PyTorch 2.15 with two threads, on some processors).
    """
    from torch.nn import Conv2d

    return any(
        isinstance(each, Conv2d) and each.kernel_size == (1, 1) and each.stride != (1, 1)
        for each in parts
    )
