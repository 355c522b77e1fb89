"""Keys and values of all sequences, in blocks of a fixed number of tokens, for every layer."""

import torch

BLOCK = 64
"""Tokens of one block."""
SCRATCH = 0
"""The block that no sequence owns; padding is written to it."""


class PagedCache:
    """Keys and values: per layer two tensors of shape ``[blocks, heads, BLOCK, head_dim]``.

    The tensors come to be with the first write of their layer, in the shape and type of what is written, and grow by
    doubling, so that a computer that runs short requests never holds what long ones would need. What nobody wrote yet
    is zero: masked values are multiplied by zero, and only finite numbers vanish so.
    """

    def __init__(self, blocks: int, *, grow: bool) -> None:
        """Make room for ``blocks`` blocks besides the scratch block; at once where ``grow`` is false."""
        self._most = blocks + 1
        self.capacity = min(self._most, 32) if grow else self._most
        self._keys: dict[int, torch.Tensor] = {}
        self._values: dict[int, torch.Tensor] = {}

    def reserve(self, blocks: int) -> None:
        """Grow so that block number ``blocks - 1`` exists.

        Raises:
            RuntimeError: there is no memory for it (torch.OutOfMemoryError on a GPU); what there was stays.
        """
        if blocks <= self.capacity:
            return
        capacity = min(self._most, max(blocks, 2 * self.capacity))
        for tensors in (self._keys, self._values):
            for layer, old in tensors.items():
                if len(old) < capacity:
                    new = old.new_zeros((capacity, *old.shape[1:]))
                    new[: len(old)] = old
                    tensors[layer] = new
        self.capacity = capacity

    def write(
        self, layer: int, key: torch.Tensor, value: torch.Tensor, at: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store ``[1, heads, tokens, head_dim]`` at (block, offset) of each token; return all of the layer's blocks."""
        if layer not in self._keys:
            self._keys[layer] = self._zeros(key)
            self._values[layer] = self._zeros(value)
        keys, values = self._keys[layer], self._values[layer]
        block, offset = at
        keys[block, :, offset] = key[0].transpose(0, 1)
        values[block, :, offset] = value[0].transpose(0, 1)
        return keys, values

    def copy(self, sources: list[int], targets: list[int]) -> None:
        """Copy blocks within every layer; what is read is what was there before."""
        for pool in (*self._keys.values(), *self._values.values()):
            pool[targets] = pool[sources]

    def _zeros(self, like: torch.Tensor) -> torch.Tensor:
        _, heads, _, head_dim = like.shape
        return like.new_zeros((self.capacity, heads, BLOCK, head_dim))
