"""interp explains vision models: any method on any model, side by side.

    import interp
    found = interp.explain(model, "photo.jpg", method="mint", target="tiger cat")
    both = interp.compare(model, "photo.jpg", methods=["mint", "gradcam"])

`model` is a name, a file or a live object such as an nn.Module; see interp.door.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interp.door import compare, explain, rerun

__all__ = ["compare", "explain", "rerun"]

# Read once, when torch is first imported. By default idle OpenMP threads spin on the cores that
# another session or process needs: a small network's pass can take ten times longer.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def __getattr__(name: str) -> Any:
    """Load the front door when one of its functions is asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'interp' has no attribute {name!r}")
    from interp import door

    return getattr(door, name)
