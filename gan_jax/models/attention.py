"""Cross-attention: every pixel looks at the words of its caption."""

from __future__ import annotations

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Float

from gan_jax.models.text import Encoding
from gan_jax.typing import Array


class CrossAttention(nn.Module):
    """``h + W_o softmax(q k^T / √d) v``: queries from pixels, keys and values from the states of words, padding unseen.

    ``W_o`` is zero at birth: the layer begins as the identity, and learns where looking pays.

    Attributes:
      heads: of attention; a divisor of the channels of ``h``.
      dtype: what it computes in.

    Source: Vaswani et al. 2017, section 3.2; Xu et al. 2018, "AttnGAN", section 3.1, for words that pixels look at.
    """

    heads: int = 4
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, h: Float[Array, "n height width c"], caption: Encoding) -> Float[Array, "n height width c"]:
        """Maps ``h [n, height, width, c]`` with an encoded caption to the shape of ``h``."""
        n, height, width, channels = h.shape
        pixels = h.reshape(n, height * width, channels)
        looked = nn.MultiHeadDotProductAttention(
            self.heads,
            qkv_features=channels,
            out_features=channels,
            out_kernel_init=nn.initializers.zeros,
            deterministic=True,
            dtype=self.dtype,
            name="words",
        )(nn.LayerNorm(dtype=self.dtype)(pixels), caption.states, mask=caption.mask[:, None, None, :])
        return h + looked.reshape(h.shape)
