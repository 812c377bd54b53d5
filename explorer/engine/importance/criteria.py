"""The table of criteria: from the weights of one coupled slice to its score, and from slices to the group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

Scores = np.ndarray[tuple[int], np.dtype[np.float64]]
Element = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Criterion:
    """A way to score channels.

    Attributes:
        text: One line for people.
        element: From a weight, and what is known of its gradient (see `needs`; else zeros of no shape), to what each
            element contributes; contributions of a slice are summed.
        finish: From the sums of all slices of one member to their scores.
        among: From the slices of one member, shape (channels, elements), to their scores, shape (channels,), where
            channels are compared with one another; it replaces `element` and `finish`.
        relative: From the scores of one group to what is ranked.
        needs: ``gradient``: the mean gradient of the loss; ``fisher``: the mean squared gradient of single samples;
            empty where the weights are enough.
        modules: Only members of these modules count; all where there are none.
    """

    text: str
    element: Element = lambda weight, _: weight.square()
    finish: Callable[[Scores], Scores] = lambda sums: sums
    among: Callable[[Tensor], Tensor] | None = None
    relative: Callable[[Scores], Scores] | None = None
    needs: str = ""
    modules: tuple[type[nn.Module], ...] = ()


def distance_sums(slices: Tensor) -> Tensor:
    """For each slice the sum of its Euclidean distances to all slices: small where others can stand in for it.

    Args:
        slices: Shape (channels, elements).

    Source: He et al., Filter Pruning via Geometric Median, CVPR 2019, equation 5.
    """
    exact = slices.double()  # as matrix products, which lose half of the digits
    return torch.cdist(exact, exact, compute_mode="use_mm_for_euclid_dist").sum(dim=1)


def lamp(scores: Scores) -> Scores:
    """Each score over the sum of all scores that are not smaller.

    Example:
        >>> lamp(np.array([1.0, 3.0, 4.0])).tolist()
        [0.125, 0.42857142857142855, 1.0]

    Source: Lee et al., Layer-adaptive Sparsity for the Magnitude-based Pruning, ICLR 2021, equation 4.
    """
    order = np.argsort(scores, kind="stable")
    rest = np.cumsum(scores[order][::-1])[::-1]
    found = np.empty_like(scores)
    found[order] = np.divide(scores[order], rest, out=np.zeros_like(rest), where=rest > 0)
    return found


def relative_to_top(scores: Scores) -> Scores:
    """``N * I / sum of the N highest I``, with N half of the channels, rounded up.

    A channel that is like the better half of its group scores about 1, whatever the group's scale.

    Example:
        >>> relative_to_top(np.array([1.0, 0.0, 3.0, 5.0])).tolist()
        [0.25, 0.0, 0.75, 1.25]

    Source: DepGraph, section 3.3. The paper leaves N open; half keeps channels that sparse training sent to zero out
    of the scale.
    """
    count = (len(scores) + 1) // 2
    top = float(np.sort(scores)[-count:].sum()) if count else 0.0
    return scores * (count / top) if top > 0 else np.zeros_like(scores)


CRITERIA: Mapping[str, Criterion] = {
    "l1": Criterion("sum of absolute weights", element=lambda weight, _: weight.abs()),
    "l2": Criterion("Euclidean norm of the weights", finish=np.sqrt),
    "group_norm": Criterion("the paper's: squared norm, relative to the group's better half", relative=relative_to_top),
    "lamp": Criterion("squared norm, relative to all channels of the group that matter more", relative=lamp),
    "fpgm": Criterion("distance to the group's other channels: what others can stand in for goes", among=distance_sums),
    "bn_scale": Criterion(
        "absolute scale of the BatchNorm behind the channel",
        element=lambda weight, _: weight.abs(),
        modules=(nn.modules.batchnorm._BatchNorm,),
    ),
    "taylor": Criterion(
        "first-order change of the loss when the channel is zeroed",
        element=lambda weight, gradient: weight * gradient,
        finish=np.abs,
        needs="gradient",
    ),
    "hessian": Criterion(
        "second-order change of the loss (optimal brain damage, diagonal Fisher)",
        element=lambda weight, fisher: weight.square() * fisher / 2,
        needs="fisher",
    ),
    "random": Criterion(
        "a fixed random order: the baseline to beat", element=lambda weight, _: torch.zeros_like(weight)
    ),
}
"""Sources: l1: Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017. bn_scale: Liu et al., Network Slimming,
ICCV 2017. taylor: Molchanov et al., Importance Estimation for Neural Network Pruning, CVPR 2019, equation 8 before the
square. hessian: LeCun et al., Optimal Brain Damage, NIPS 1989."""
