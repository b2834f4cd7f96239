"""Types of large packages for annotations, imported once somebody asks what they are.

`typing.get_type_hints(ModelAdapter.predict)` then answers with torch.Tensor, while importing the
interfaces stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ForwardRef

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor, nn
else:
    Figure = ForwardRef("__import__('matplotlib.figure').figure.Figure")
    Tensor = ForwardRef("__import__('torch').Tensor")

    class nn:  # noqa: N801 - as torch calls it
        """Types of torch.nn."""

        Module = ForwardRef("__import__('torch').nn.Module")


__all__ = ["Figure", "Tensor", "nn"]
