"""Many small networks at once: the weights of all seeds in one tensor, multiplied as one batch of matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

__all__ = ["ACTIVATIONS", "Stack", "blend", "perceptron"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.nn.functional.relu,
    "silu": torch.nn.functional.silu,
}


class Stack(torch.nn.Module):
    """S multilayer perceptrons of one shape.

    Weights are (S, in, out) and biases (S, 1, out), drawn from U(-1/sqrt(in), 1/sqrt(in)) (torch's own default) out of
    one stream a network, so that a network starts the same whatever it is trained beside.

    Args:
        widths: of input, hidden layers and output.
        streams: one generator a network.
        activation: key of `ACTIVATIONS`, between the layers.
        copies: networks drawn from each stream, in the order (copy, stream): critics that come in pairs.
    """

    def __init__(
        self, widths: Sequence[int], streams: Sequence[np.random.Generator], activation: str = "relu", copies: int = 1
    ) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        drawn = [[_layers(widths, stream) for stream in streams] for _ in range(copies)]
        networks = [network for copy in drawn for network in copy]
        joined = [torch.stack([network[i] for network in networks]) for i in range(2 * (len(widths) - 1))]
        self.layers = torch.nn.ParameterList([torch.nn.Parameter(part) for part in joined])

    def forward(self, inputs: Tensor) -> Tensor:
        """(S, n, in) -> (S, n, out)."""
        return perceptron(list(self.layers), inputs, self.activation)


def perceptron(layers: Sequence[Tensor], inputs: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
    """Multilayer perceptrons: (S, n, in) -> (S, n, out) with layers W (S, in, out), b (S, 1, out), W, b, ..."""
    last = len(layers) - 2
    for i in range(0, last + 1, 2):
        inputs = torch.baddbmm(layers[i + 1], inputs, layers[i])
        if i < last:
            inputs = activation(inputs)
    return inputs


def _layers(widths: Sequence[int], stream: np.random.Generator) -> list[Tensor]:
    """Weights and biases of one network."""
    parts = []
    for wide, narrow in pairwise(widths):
        bound = wide**-0.5
        for rows in (wide, 1):
            parts.append(torch.from_numpy(stream.uniform(-bound, bound, (rows, narrow)).astype(np.float32)))
    return parts


def blend(target: torch.nn.Module, source: torch.nn.Module, rate: float) -> None:
    """Move every weight of ``target`` towards ``source``: target <- (1 - rate) target + rate source."""
    with torch.no_grad():
        torch._foreach_lerp_(list(target.parameters()), list(source.parameters()), rate)
