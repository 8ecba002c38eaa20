"""Memory that is used again: fresh pages cost a training step of a small model as much as half of its arithmetic."""

from __future__ import annotations

import weakref

import torch

_KEPT_EACH = 2  # the graph of a loss often lives until the next step has made its own
_KEPT_SHAPES = 8
_KEPT_BYTES = 1 << 27  # a larger buffer is given back to the system

_Key = tuple[torch.dtype, tuple[int, ...]]
_free: dict[_Key, list[torch.Tensor]] = {}


class Buffer:
    """A tensor [shape], not initialised, that another step may take over when this object dies."""

    def __init__(self, like: torch.Tensor, *shape: int) -> None:
        if like.device.type != "cpu":  # torch itself keeps the memory of other devices
            self.tensor = like.new_empty(shape)
            return
        self.tensor = _take((like.dtype, shape))
        if self.tensor.nbytes <= _KEPT_BYTES:
            weakref.finalize(self, _give, (like.dtype, shape), self.tensor).atexit = False


# Each access to `_free` is one step of the interpreter: buffers die in any thread, and whenever garbage is collected.


def _take(key: _Key) -> torch.Tensor:
    try:
        return _free[key].pop()
    except (KeyError, IndexError):
        dtype, shape = key
        with torch.inference_mode(False):  # made in that mode, it could not be written to outside of it
            return torch.empty(shape, dtype=dtype, device="cpu")


def _give(key: _Key, tensor: torch.Tensor) -> None:
    kept = _free.setdefault(key, [])
    if len(kept) < _KEPT_EACH:
        kept.append(tensor)
    if len(_free) > _KEPT_SHAPES:
        _free.pop(next(iter(_free)), None)
