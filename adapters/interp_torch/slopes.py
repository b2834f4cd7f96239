"""Whether autograd has recorded a way from a model's scores back to a tensor."""

from __future__ import annotations

from torch import Tensor

UNKNOWN = "NotImplemented"
"""End of the name of an operation without a derivative, such as a quantised one."""


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
