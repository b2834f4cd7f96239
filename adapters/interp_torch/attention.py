"""Attention of PyTorch models in its explicit form, read while the model runs.

A mode of PyTorch's, which holds in the thread that enters it and nowhere else, sees every call of
a function: modules are neither changed nor need they be known, be they torch's, timm's,
transformers' or one's own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from interp.network.attention import AttentionLayer

FUSED = (
    functional.scaled_dot_product_attention,
    torch.ops.aten.scaled_dot_product_attention.default,  # as exported programs call it
)
SOFTMAX = (
    *(torch.softmax, torch.special.softmax, functional.softmax, Tensor.softmax),
    *(torch.ops.aten.softmax.int, torch.ops.aten._softmax.default),
)
MULTI_HEAD = inspect.signature(functional.multi_head_attention_forward)
Record = Callable[[Tensor], None]


class ExplicitAttention(TorchFunctionMode):
    """Computes attention step by step within the block, and hands its probabilities to `record`."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self.record = record

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """The function's own answer, by way of the probabilities where it is attention."""
        given = kwargs or {}
        if func in FUSED:
            weights, output = explicit(*args, **given)
            self.record(weights)
            return output
        if func is functional.multi_head_attention_forward:
            return self._multi_head(args, given)
        answer = func(*args, **given)
        if (
            func in SOFTMAX
            and answer.dim() in (3, 4)
            and _axis(args, given) in (-1, answer.dim() - 1)
        ):
            self.record(answer)
        return answer

    def _multi_head(self, args: tuple[Any, ...], given: Mapping[str, Any]) -> Any:
        """nn.MultiheadAttention's answer; its explicit form is the one that returns weights."""
        call = MULTI_HEAD.bind(*args, **given)
        call.apply_defaults()
        wanted, mean = call.arguments["need_weights"], call.arguments["average_attn_weights"]
        call.arguments |= {"need_weights": True, "average_attn_weights": False}
        output, found = functional.multi_head_attention_forward(*call.args, **call.kwargs)
        weights: Any = found
        # the weights are a view: what the output is computed from is the tensor behind it
        self.record(weights if weights._base is None else weights._base)
        if not wanted:
            return output, None
        return output, weights.mean(-3) if mean else weights


def explicit(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> tuple[Tensor, Tensor]:
    """Probabilities softmax(scale Q K' + mask), (..., T, S), and what they mix of V, (..., T, d).

    The arguments are those of PyTorch's scaled_dot_product_attention.
    """
    if enable_gqa:  # several heads of queries share one of keys and values
        key, value = (
            each.repeat_interleave(query.shape[-3] // each.shape[-3], -3) for each in (key, value)
        )
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, -torch.inf)
    elif attn_mask is not None:
        scores = scores + attn_mask
    weights = scores.softmax(-1)
    return weights, functional.dropout(weights, dropout_p) @ value if dropout_p else weights @ value


def _axis(args: tuple[Any, ...], given: Mapping[str, Any]) -> Any:
    """The axis of a softmax call."""
    return args[1] if len(args) > 1 else given.get("dim")


@contextmanager
def reading_attention(module: nn.Module, images: int) -> Iterator[list[AttentionLayer]]:
    """The attention layers that this thread runs within the block, in order, with their names.

    `images` is the number of images of the pass.
    """
    layers: list[AttentionLayer] = []
    with _running(module) as names:

        def record(weights: Tensor) -> None:
            name = names[-1] if names else f"attention {len(layers)}"
            layers.append(AttentionLayer(name, weights, images))

        with ExplicitAttention(record):
            yield layers


@contextmanager
def _running(module: nn.Module) -> Iterator[list[str]]:
    """Names of the submodules that this thread is in the midst of, the innermost last."""
    names: list[str] = []
    own = get_ident()

    def enter(name: str) -> None:
        if get_ident() == own:
            names.append(name)

    def leave(name: str) -> None:
        while get_ident() == own and names and names.pop() != name:
            pass  # a part that failed, and whose failure the model caught

    with ExitStack() as stack:
        for name, each in module.named_modules():
            if name and not isinstance(each, torch.jit.RecursiveScriptModule):
                before = each.register_forward_pre_hook(lambda *_, name=name: enter(name))
                after = each.register_forward_hook(lambda *_, name=name: leave(name))
                stack.callback(before.remove)
                stack.callback(after.remove)
        yield names
