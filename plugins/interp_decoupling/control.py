"""The controlling module, and a convolution whose filters it switches for each image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from interp_decoupling.only import only_on, pays

Mixture = Literal["samples", "channels", "hard", "soft"]
Start = Literal["zero", "kaiming", "open", "standard"]
Mode = Literal["auto", "all", "on"]
"""Compute only the filters that are on where that is faster, all filters, or always only those."""
MOMENTUM = 0.05
"""Weight of a step's images in the running statistics."""
TINY = 1e-4
"""Spread of a channel's means, as a share of the largest mean, below which it is left out."""


class Control(nn.Module):
    """Codes z (B, n) of a convolution's filters, from the mean p of its c input maps.

    a = W2 relu(W1 p + b1) + b2; z = 1[a > 0], and in training Improved SemHash of a plus noise.
    """

    def __init__(
        self, channels: int, filters: int, reduction: int, mixture: Mixture, noise: float = 1.0
    ) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.reduce = nn.Linear(channels, hidden)
        self.expand = nn.Linear(hidden, filters)
        self.mixture, self.noise = mixture, noise
        self.centre: Tensor | None
        self.spread: Tensor | None
        self.register_buffer("centre", None)
        self.register_buffer("spread", None)

    def forward(self, maps: Tensor) -> Tensor:
        """Codes of maps (B, c, h, w)."""
        means = maps.mean((2, 3))
        if self.centre is not None:
            if self.training:
                self._follow(means)
            means = (means - self.centre) * self._units()
        scores = self.expand(self.reduce(means).relu())
        if not self.training:
            return (scores > 0).to(scores.dtype)
        noisy = scores + self.noise * torch.randn_like(scores)
        return semhash(noisy, mixed(scores.shape, self.mixture, scores.device))

    def begin(self, start: Start) -> None:
        """Draw the first weights.

        Released: b1 = b2 = 1, W2 Kaiming-normal, and W1 = 0 ("zero") or Kaiming-normal ("kaiming").
        Ours: "open", Kaiming-normal and b2 = 3, so that at first nearly all filters are on;
        "standard", the same with W2 halved, for inputs that `standardise` scales.
        """
        nn.init.ones_(self.reduce.bias)
        nn.init.kaiming_normal_(self.expand.weight)
        nn.init.constant_(self.expand.bias, 3.0 if start in ("open", "standard") else 1.0)
        if start == "zero":
            nn.init.zeros_(self.reduce.weight)
        else:
            nn.init.kaiming_normal_(self.reduce.weight)
        if start == "standard":
            with torch.no_grad():
                self.expand.weight *= 0.5

    @torch.no_grad()
    def standardise(self, maps: Tensor) -> None:
        """Let W1 read (p - E p) / sd p while it learns; both start at those of maps (B, c, h, w).

        Then scores differ as much from image to image as from filter to filter.
        """
        means = maps.mean((2, 3)).float()
        self.centre, self.spread = means.mean(0), means.std(0)

    @torch.no_grad()
    def _follow(self, means: Tensor) -> None:
        """E and sd follow the network that changes, as batch norm's running statistics do."""
        assert self.centre is not None and self.spread is not None  # noqa: S101
        means = means.detach().float()
        self.centre.lerp_(means.mean(0), MOMENTUM)
        squares = (means - self.centre).square().mean(0)
        self.spread.copy_(self.spread.square().lerp(squares, MOMENTUM).sqrt())

    def _units(self) -> Tensor:
        assert self.centre is not None and self.spread is not None  # noqa: S101
        varies = self.spread > TINY * self.centre.abs().amax()
        return torch.where(varies, 1 / self.spread, 0.0)

    @torch.no_grad()
    def fold(self) -> None:
        """Fold the scaling into W1 and b1: the published module, which gives the same codes."""
        if self.centre is not None:
            self.reduce.weight.mul_(self._units())
            self.reduce.bias.sub_(self.reduce.weight @ self.centre)
            self.centre = self.spread = None


class Gate(nn.Module):
    """Maps times codes, as a module, so that both can be recorded."""

    def forward(self, maps: Tensor, codes: Tensor) -> Tensor:
        """(B, n, h, w) times (B, n)."""
        return maps * codes[:, :, None, None]


class Controlled(nn.Module):
    """norm(convolution(x)) times the codes of x.

    The paper multiplies after the ReLU; as codes are not negative, multiplying before is the same.
    `rectified`: a ReLU follows. `fed`: the inputs are gated maps of other controlled layers.
    """

    def __init__(
        self, convolution: nn.Conv2d, norm: nn.Module, control: Control, rectified: bool, fed: bool
    ) -> None:
        super().__init__()
        self.convolution, self.norm, self.control = convolution, norm, control
        self.gate = Gate()
        self.rectified, self.fed = rectified, fed
        self.mode: Mode = "auto"

    def forward(self, maps: Tensor) -> Tensor:
        """Gated maps (B, n, h', w'); off filters are 0, whether they were computed or not."""
        codes = self.control(maps)
        if self._skips(maps):
            return only_on(self.convolution, self.norm, maps, codes, self.fed)
        gated: Tensor = self.gate(self.norm(self.convolution(maps)), codes)
        return gated

    def _skips(self, maps: Tensor) -> bool:
        """Whether to skip filters: in inference mode, where nothing is traced or differentiated."""
        if self.training or self.mode == "all":
            return False
        return self.mode == "on" or (
            torch.is_inference_mode_enabled() and pays(self.convolution, maps)
        )


def controlled(network: nn.Module) -> dict[str, Controlled]:
    """The controlled convolutions by name, in the network's order."""
    return {name: each for name, each in network.named_modules() if isinstance(each, Controlled)}


@contextmanager
def computing(network: nn.Module, mode: Mode) -> Iterator[None]:
    """Compute all filters, or only those that are on, while the block lasts."""
    layers = list(controlled(network).values())
    before = [each.mode for each in layers]
    try:
        for each in layers:
            each.mode = mode
        yield
    finally:
        for each, was in zip(layers, before, strict=True):
            each.mode = was


def soft(noisy: Tensor) -> Tensor:
    """clip(1.2 sigmoid(g) - .1, 0, 1): exactly 0 or 1 where |g| > ln 11."""
    return (1.2 * noisy.sigmoid() - 0.1).clamp(0, 1)


def semhash(noisy: Tensor, hard: Tensor) -> Tensor:
    """1[g > 0] where `hard`, soft(g) elsewhere; the gradient is soft's everywhere.

    g (B, n) already holds its noise; hard is boolean and broadcasts to it.
    """
    gentle = soft(noisy)
    straight = (noisy > 0).to(noisy.dtype) + (gentle - gentle.detach())  # the sum's last term is 0
    return torch.where(hard, straight, gentle)


def mixed(shape: torch.Size, mixture: Mixture, device: torch.device) -> Tensor:
    """Where a training step is hard, boolean, broadcast to codes (B, n).

    Drawn from torch's global generator, as dropout is: training seeds it and puts it back.
    "channels": n // 2 draws with replacement, the same for all images.
    """
    count, filters = shape
    if mixture == "samples":
        return (torch.rand(count, device=device).argsort() < count // 2)[:, None]
    if mixture == "channels":
        drawn = torch.randint(filters, (filters // 2,), device=device)
        return torch.zeros(filters, dtype=torch.bool, device=device).index_fill(0, drawn, True)
    return torch.full((1, 1), mixture == "hard", device=device)
