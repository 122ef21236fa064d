"""What a convolution and its two derivatives share."""

from __future__ import annotations

from typing import NamedTuple


class Geometry(NamedTuple):
    """Of a convolution of images x by a kernel k.

    Attributes:
      size: height and width of x.
      window: height and width of k.
      stride: s.
      padding: zeros before and after the rows, and the columns, of x.
      groups: of channels.
    """

    size: tuple[int, int]
    window: tuple[int, int]
    stride: int
    padding: tuple[tuple[int, int], tuple[int, int]]
    groups: int = 1

    @property
    def out(self) -> tuple[int, int]:
        """Height and width of what comes out."""
        (h, w), (u, v), (rows, columns) = self.size, self.window, self.padding
        return (h + sum(rows) - u) // self.stride + 1, (w + sum(columns) - v) // self.stride + 1
