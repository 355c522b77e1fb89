"""Linear layers with 8-bit weights for processors, where those of bitsandbytes are slower than weights of 16 bits."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn

_SMALLEST = 1e-12


class Int8Linear(nn.Linear):
    """A Linear whose weights are 8-bit numbers with one scale for each output, multiplied by torch's own kernels.

    Inputs are scaled by their own greatest number, row by row, so that one request hardly changes another's.
    ``held_bytes`` is what its weights take.
    """

    def __init__(self, linear: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight = linear.weight.detach().float()
        scales = (weight.abs().amax(1) / 127).clamp_min(_SMALLEST)
        rows = (weight / scales[:, None]).round_().to(torch.int8)
        self.held_bytes = rows.nbytes + scales.nbytes
        self._packed = _packed(rows, scales)
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().float(), requires_grad=False)
        # Adapters ask the weight for its type and place.
        self.register_buffer("weight", torch.empty(0), persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        """Return ``[..., outputs]`` for ``[..., inputs]``."""
        kind, rows = rows.dtype, rows.float()
        greatest = rows.abs().amax(-1, keepdim=True).clamp_min(_SMALLEST)
        # Seven bits for inputs: products of eight overflow what processors without VNNI add up in.
        product = torch.ops.quantized.linear_dynamic(rows / greatest, self._packed, reduce_range=True)
        out: Tensor = product * greatest
        return (out if self.bias is None else out + self.bias).to(kind)


def _packed(rows: Tensor, scales: Tensor) -> Any:
    """Return weights in the order of the kernels; torch warns of the type that it takes them in, and takes no other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        zeros = torch.zeros(len(scales), dtype=torch.long)
        typed = torch._make_per_channel_quantized_tensor(rows, scales.double(), zeros, 0)  # noqa: SLF001
    return torch.ops.quantized.linear_prepack(typed, None)


def quantize(model: nn.Module, keep: nn.Module | None) -> None:
    """Replace all Linear layers of a model but ``keep``, its output head."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear and child is not keep:
                setattr(parent, name, Int8Linear(child))
