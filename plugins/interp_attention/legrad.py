"""LeGrad: how sensitive the score of every layer's tokens is to that layer's attention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from interp.errors import UnsupportedError
from interp.model import ModelAdapter
from interp.network.attention import AttentionLayer, AttentionPass
from interp.spec import Capability
from interp.target import Target
from interp.training.recording import Call, recording
from interp_attention.method import SLOPES, AttentionMethod, AttentionParams
from interp_attention.slopes import score, slopes
from interp_attention.tokens import check_layers

if TYPE_CHECKING:
    from torch import Tensor, nn

ALIKE = 1e-3
"""How far the last block's scores may be from the model's own, relative to the largest."""


class LeGradParams(AttentionParams):
    """LeGrad's parameters."""

    output: Literal["logit", "prob"] = Field(
        "logit", description="class score that is explained: the logit or the probability"
    )


@dataclass(frozen=True)
class LeGrad(AttentionMethod):
    """Which cells every layer's attention would have to favour for the class score to rise.

    `mean_l mean_h mean_i max(dS_l / dA_lhij, 0)` for token j, over layers l, heads h and tokens i,
    where `A_lh` (T, T) is the attention of a head and `S_l` the class score of the tokens as layer
    l leaves them: what follows the last layer reads them as it reads the last layer's. W.
    Bousselham et al.: LeGrad: An Explainability Method for Vision Transformers via Feature
    Formation Sensitivity, 2024 (ICCV 2025), which also stretches each map to [0, 1]; ours is left.
    """

    Params = LeGradParams
    needs = SLOPES | {Capability.MODULE}
    unit = "slope on attention"

    params: LeGradParams

    def run(self, model: ModelAdapter, pixels: Tensor) -> AttentionPass:
        """A pass whose scores (L, K) are those of each of L layers' tokens."""
        plain, own = model.attention(pixels), model.with_own_module()
        check_layers(plain.layers, model.spec.name)
        with all_layers_read(own.module(), block_names(plain.layers, model.spec.name)):
            found = own.attention(pixels, True)
        last, expected = found.scores[-1:].detach(), plain.scores
        if not bool((last - expected).abs().max() <= ALIKE * expected.abs().max()):
            raise UnsupportedError(
                f"legrad reads every block's tokens in one batch, and {model.spec.name} answers "
                "otherwise for a batch; use transformer-attribution"
            )
        return found

    def terms(self, model: ModelAdapter, found: AttentionPass, target: Target) -> list[Tensor]:
        """The positive slopes of each layer's own score."""
        values = score(model, found.scores, target, self.params.output)
        pairs = zip(values, found.layers, strict=True)
        return [slopes(value, [each], model.spec.name)[0].clamp(min=0) for value, each in pairs]

    def combine(self, terms: Sequence[Tensor], read: Tensor) -> Tensor:
        """The mean over layers, heads and tokens."""
        import torch

        return torch.stack([self.shown(each, read).mean(0) for each in terms]).mean(0)

    def shown(self, term: Tensor, read: Tensor) -> Tensor:
        """The mean over all tokens, not only over those that are read, (heads, T)."""
        return term.mean(1)


def block_names(layers: Sequence[AttentionLayer], name: str) -> list[str]:
    """The largest module around each attention layer that holds no other one, in order.

    Raises UnsupportedError where a module attends several times, and where they are no blocks that
    follow one another.
    """
    names = [each.name for each in layers]
    repeated = [each for each, count in Counter(names).items() if count > 1]
    if repeated:
        raise UnsupportedError(
            f"{repeated[0]} of {name} attends {names.count(repeated[0])} times, and legrad needs a "
            "module for each layer; use transformer-attribution"
        )
    blocks = [_block(each, names) for each in names]
    if len({each.rpartition(".")[0] for each in blocks}) > 1:
        raise UnsupportedError(
            f"the attention layers of {name} do not lie in a row of blocks ({blocks[0]}, "
            f"{blocks[-1]}), whose tokens legrad reads; use transformer-attribution"
        )
    return blocks


def _block(own: str, names: Sequence[str]) -> str:
    """The shortest path to one layer that leads to none of the others."""
    parts = own.split(".")
    paths = (".".join(parts[:depth]) for depth in range(1, len(parts)))
    others = [each for each in names if each != own]
    alone = (
        path for path in paths if not any(f"{each}.".startswith(f"{path}.") for each in others)
    )
    return next(alone, own)


@contextmanager
def all_layers_read(module: nn.Module, blocks: Sequence[str]) -> Iterator[None]:
    """Within the block, the last block answers the tokens of all L blocks as a batch of L images.

    The module is the caller's alone, and runs on one image.
    """
    with recording({name: module.get_submodule(name) for name in blocks}) as calls:
        last = module.get_submodule(blocks[-1])
        handle = last.register_forward_hook(lambda *given: _batch(calls, given[-1]))
        try:
            yield
        finally:
            handle.remove()


def _batch(calls: Mapping[str, Sequence[Call]], answer: Any) -> Any:
    """All blocks' tokens (L, T, C), in the form of the last block's answer."""
    import torch

    tokens = [_first(each[0].output) for each in calls.values()]
    if len({each.shape for each in tokens}) > 1:
        raise UnsupportedError(
            "legrad reads every block's tokens as the last block's, and the blocks answer tokens "
            "of different shapes; use transformer-attribution"
        )
    batch = torch.cat(tokens)
    return batch if isinstance(answer, torch.Tensor) else type(answer)((batch, *answer[1:]))


def _first(answer: Any) -> Tensor:
    """A block's tokens, which may come first of several values."""
    found: Tensor = answer[0] if isinstance(answer, tuple | list) else answer
    return found
