"""Convolutions of images ``[batch, height, width, channels]``, in the form that is fastest where they run.

A convolution is one third of the trilinear form

    T(x, k, g) = Σ g[b, i, j, o] x[b, s i + u − p, s j + v − q, c] k[u, v, c, o],

whose derivatives are ``y = ∂T/∂g``, the convolution; ``∂T/∂x``, the transposed convolution; ``∂T/∂k``, what a kernel receives. Each is
bilinear, and the gradient of each is the other two, so the three are closed under differentiation: whatever order a penalty needs, nothing
but these three runs, and each is written once in the form that its backend does well.

On a CPU, XLA brings a convolution to the layout of its fast kernels (``NHWC``, ``HWIO``) only at the top level of a program, never in the
body of a ``lax.scan``; there, what JAX derives as a kernel's gradient takes hundreds of times as long. So here the transpositions are
written out, groups are convolutions of their own, and the gradient of a transposed convolution's kernel takes the larger image as the
image. Elsewhere the forms are those that JAX derives, which cuDNN and TPUs know, and batched products for many networks at once.

Derivatives are of reverse mode, of any order; ``jax.custom_vjp`` has none in forward mode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias, cast

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jax.custom_batching import custom_vmap
from jaxtyping import Float

from gan_jax import checks
from gan_jax.models import products, winograd
from gan_jax.models.geometry import Geometry
from gan_jax.typing import Array

LAYOUT = ("NHWC", "HWIO", "NHWC")
# Groups with fewer channels in than this are run several at once, with zeros between them: a fast kernel needs this many.
THINNEST_GROUP = 16


def convolution(
    x: Float[Array, "batch h w cin"],
    kernel: Float[Array, "kh kw cin_per_group cout"],
    *,
    stride: int = 1,
    padding: str = "SAME",
    groups: int = 1,
) -> Float[Array, "batch h_out w_out cout"]:
    """``y[b, i, j, o] = Σ_{u, v, c} x[b, s i + u − p, s j + v − q, c] kernel[u, v, c, o]``.

    Args:
      x: images ``[batch, h, w, cin]``.
      kernel: ``[kh, kw, cin / groups, cout]``.
      stride: s.
      padding: ``"SAME"`` (zeros around, ``⌈h / s⌉`` rows out) or ``"VALID"`` (``⌈(h − kh + 1) / s⌉`` rows out).
      groups: channels in and out are cut into this many groups, each seeing itself alone.

    Returns:
      ``y [batch, h', w', cout]``; bfloat16 is summed in float32.

    Raises:
      ValueError: shapes that do not go together, an unknown padding, a stride below one.
    """
    checks.one_of("padding", padding, ("SAME", "VALID"))
    _check(x, kernel, stride)
    channels, features = x.shape[3], kernel.shape[3]
    groups = checks.integer("groups", groups, 1)
    if channels != groups * kernel.shape[2] or features % groups:
        raise ValueError(
            f"kernel has shape {kernel.shape} where x has {channels} channels and groups is {groups}; "
            "expected [kh, kw, cin / groups, cout] with cin and cout divisible by groups"
        )
    size, window = (x.shape[1], x.shape[2]), (kernel.shape[0], kernel.shape[1])
    if padding == "VALID" and (window[0] > size[0] or window[1] > size[1]):
        raise ValueError(f"kernel has shape {kernel.shape}; expected one that fits in images of {size} without padding")
    pads = lax.padtype_to_pads(size, window, (stride, stride), padding)
    geometry = Geometry(size, window, stride, ((pads[0][0], pads[0][1]), (pads[1][0], pads[1][1])), groups)
    return correlate(*_promoted(x, kernel), geometry)


def transposed_convolution(
    x: Float[Array, "batch h w cin"], kernel: Float[Array, "kh kw cin cout"], *, stride: int = 2
) -> Float[Array, "batch {stride}*h {stride}*w cout"]:
    """``y[b, t, r, o] = Σ x[b, i, j, c] kernel[u, v, c, o]`` over ``t + u − p = s i``, ``r + v − q = s j``.

    It is ``lax.conv_transpose`` with padding ``"SAME"``: a convolution (kernel not flipped) of x with ``s − 1`` zeros between its pixels.

    Args:
      x: images ``[batch, h, w, cin]``.
      kernel: ``[kh, kw, cin, cout]``.
      stride: s.

    Returns:
      ``y [batch, s h, s w, cout]``; bfloat16 is summed in float32.

    Raises:
      ValueError: shapes that do not go together, a stride below one.
    """
    _check(x, kernel, stride)
    if x.shape[3] != kernel.shape[2]:
        raise ValueError(
            f"kernel has shape {kernel.shape} where x has {x.shape[3]} channels; expected [kh, kw, cin, cout]"
        )
    x, kernel = _promoted(x, kernel)
    size, window = (stride * x.shape[1], stride * x.shape[2]), (kernel.shape[0], kernel.shape[1])
    pads = [(max(k - stride, 0) // 2, max(k - stride, 0) - max(k - stride, 0) // 2) for k in window]
    return transposed(x, lax.rev(kernel, (0, 1)).swapaxes(2, 3), Geometry(size, window, stride, (pads[0], pads[1])))


def _check(x: Array, kernel: Array, stride: int) -> None:
    checks.integer("stride", stride, 1)
    for name, array, expected in (
        ("x", x, "[batch, height, width, channels]"),
        ("kernel", kernel, "[height, width, in, out]"),
    ):
        if array.ndim != 4 or 0 in array.shape:
            raise ValueError(f"{name} has shape {array.shape}; expected {expected}, none of them zero")


def _promoted(x: Array, kernel: Array) -> tuple[Array, Array]:
    dtype = jnp.promote_types(x.dtype, kernel.dtype)
    return x.astype(dtype), kernel.astype(dtype)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def correlate(x: Array, k: Array, geometry: Geometry) -> Array:
    """``∂T/∂g``: ``x [b, h, w, c]``, ``k [u, v, c / groups, o]`` to ``y [b, h', w', o]``."""
    return _on(jax.default_backend()).correlate(x, k, geometry)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def transposed(g: Array, k: Array, geometry: Geometry) -> Array:
    """``∂T/∂x``: ``g [b, h', w', o]``, ``k [u, v, c / groups, o]`` to ``[b, h, w, c]``."""
    return _on(jax.default_backend()).transposed(g, k, geometry)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def gather(x: Array, g: Array, geometry: Geometry) -> Array:
    """``∂T/∂k``: ``x [b, h, w, c]``, ``g [b, h', w', o]`` to ``[u, v, c / groups, o]``."""
    return _on(jax.default_backend()).gather(x, g, geometry)


def _remember(function: Callable[..., Array]) -> Callable[..., tuple[Array, tuple[Array, Array]]]:
    return lambda a, b, geometry: (function(a, b, geometry), (a, b))


correlate.defvjp(_remember(correlate), lambda n, xk, g: (transposed(g, xk[1], n), gather(xk[0], g, n)))
transposed.defvjp(_remember(transposed), lambda n, gk, x: (correlate(x, gk[1], n), gather(x, gk[0], n)))
gather.defvjp(_remember(gather), lambda n, xg, k: (transposed(xg[1], k, n), correlate(xg[0], k, n)))


Form: TypeAlias = Callable[[Array, Array, Geometry], Array]


class Thirds(NamedTuple):
    """One way to run the three."""

    correlate: Form
    transposed: Form
    gather: Form


def _on(backend: str) -> Thirds:
    """The form for a backend: the only place that tells one from another."""
    return WRITTEN_OUT if backend == "cpu" else DERIVED


def _correlate_derived(x: Array, k: Array, n: Geometry) -> Array:
    return lax.conv_general_dilated(
        x, k, (n.stride, n.stride), n.padding, dimension_numbers=LAYOUT, feature_group_count=n.groups
    )


def _transposed_derived(g: Array, k: Array, n: Geometry) -> Array:
    x = jax.ShapeDtypeStruct((g.shape[0], *n.size, k.shape[2] * n.groups), g.dtype)
    return cast(Array, jax.linear_transpose(lambda x: _correlate_derived(x, k, n), x)(g)[0])


def _gather_derived(x: Array, g: Array, n: Geometry) -> Array:
    k = jax.ShapeDtypeStruct((*n.window, x.shape[3] // n.groups, g.shape[3]), x.dtype)
    return cast(Array, jax.linear_transpose(lambda k: _correlate_derived(x, k, n), k)(g)[0])


ONE = Thirds(_correlate_derived, _transposed_derived, _gather_derived)
"""As JAX derives them; where ``vmap`` brings many kernels they become groups, which are slower than products."""


def _for_many(derived: Form, product: Form, *, kernel: bool) -> Form:
    """``derived`` for one network and ``product`` for many; ``kernel`` as in ``_by_groups``."""

    def run(a: Array, b: Array, n: Geometry) -> Array:
        one = custom_vmap(lambda a, b: derived(a, b, n))

        @one.def_vmap
        def _(size: int, batched: Sequence[bool], a: Array, b: Array) -> tuple[Array, bool]:
            if kernel and not batched[1]:
                # One network that sees more images.
                y = run(a.reshape(-1, *a.shape[2:]), b, n)
                return y.reshape(size, -1, *y.shape[1:]), True
            form = product if n.groups == 1 else derived
            axes = [0 if many else None for many in batched]
            return jax.vmap(lambda a, b: form(a, b, n), axes, axis_size=size)(a, b), True

        return cast(Array, one(a, b))

    return run


DERIVED = Thirds(
    _for_many(ONE.correlate, products.correlate, kernel=True),
    _for_many(ONE.transposed, products.transposed, kernel=True),
    _for_many(ONE.gather, products.gather, kernel=False),
)


def _correlate_one(x: Array, k: Array, n: Geometry) -> Array:
    if winograd.fits(k.shape[2], k.shape[3], n):
        return winograd.correlate(x, k, n)
    return lax.conv_general_dilated(x, k, (n.stride, n.stride), n.padding, dimension_numbers=LAYOUT)


def _transposed_one(g: Array, k: Array, n: Geometry) -> Array:
    """A convolution of g, with ``s − 1`` zeros between its pixels, with the flipped kernel."""
    if winograd.fits(k.shape[2], k.shape[3], n):
        return winograd.transposed(g, k, n)
    pads = [
        (k - 1 - before, size + before - (out - 1) * n.stride - 1)
        for k, out, size, (before, _) in zip(n.window, g.shape[1:3], n.size, n.padding, strict=True)
    ]
    return lax.conv_general_dilated(
        g,
        lax.rev(k, (0, 1)).swapaxes(2, 3),
        (1, 1),
        pads,
        lhs_dilation=(n.stride, n.stride),
        dimension_numbers=LAYOUT,
    )


def _gather_one(x: Array, g: Array, n: Geometry) -> Array:
    """A convolution of ``x [c, h, w, b]`` with the window ``g [h', w', b, o]``, whose taps are s apart."""
    if winograd.fits(x.shape[3], g.shape[3], n):
        return winograd.gather(x, g, n)
    pads = [
        (before, (out - 1) * n.stride + k - size - before)
        for k, out, size, (before, _) in zip(n.window, g.shape[1:3], n.size, n.padding, strict=True)
    ]
    return lax.conv_general_dilated(
        x.transpose(3, 1, 2, 0),
        g.transpose(1, 2, 0, 3),
        (1, 1),
        pads,
        rhs_dilation=(n.stride, n.stride),
        dimension_numbers=LAYOUT,
    ).transpose(1, 2, 0, 3)


def _merged(width: int, groups: int) -> int:
    """How many groups of ``width`` channels one convolution runs: a divisor of ``groups``."""
    enough = -(-THINNEST_GROUP // width)
    return next(m for m in range(min(enough, groups), 0, -1) if groups % m == 0)


def _block_diagonal(k: Array, groups: int) -> Array:
    """``[u, v, c / groups, o] -> [u, v, c, o]``, zero where group meets group."""
    u, v, c, o = k.shape
    same = jnp.eye(groups, dtype=k.dtype).reshape(1, 1, groups, 1, groups, 1)
    return (k.reshape(u, v, 1, c, groups, o // groups) * same).reshape(u, v, groups * c, o)


def _diagonal_blocks(k: Array, groups: int) -> Array:
    """``[u, v, c, o] -> [u, v, c / groups, o]``, the transpose of :func:`_block_diagonal`."""
    u, v, c, o = k.shape
    same = jnp.eye(groups, dtype=k.dtype).reshape(1, 1, groups, 1, groups, 1)
    blocks = k.reshape(u, v, groups, c // groups, groups, o // groups)
    return jnp.where(same > 0, blocks, jnp.zeros_like(blocks)).sum(2).reshape(u, v, c // groups, o)


def _by_groups(function: Form, *, kernel: bool) -> Form:
    """``function`` of one group, run on each and summed in float32; ``kernel`` says whether its second argument is one."""

    def run(a: Array, b: Array, n: Geometry) -> Array:
        dtype = a.dtype
        if dtype in (jnp.bfloat16, jnp.float16):
            a, b = a.astype(jnp.float32), b.astype(jnp.float32)
        if n.groups == 1:
            return function(a, b, n).astype(dtype)
        together = _merged(b.shape[2] if kernel else a.shape[3] // n.groups, n.groups)
        alone = n._replace(groups=1)
        parts = []
        for first, second in zip(
            jnp.split(a, n.groups // together, -1), jnp.split(b, n.groups // together, -1), strict=True
        ):
            if kernel:
                parts.append(function(first, _block_diagonal(second, together), alone))
            else:
                parts.append(_diagonal_blocks(function(first, second, alone), together))
        return jnp.concatenate(parts, -1).astype(dtype)

    return run


WRITTEN_OUT = Thirds(
    _by_groups(_correlate_one, kernel=True),
    _by_groups(_transposed_one, kernel=True),
    _by_groups(_gather_one, kernel=False),
)


def space_to_depth(x: Float[Array, "batch h_in w_in c"], factor: int = 2) -> Float[Array, "batch h w blocks"]:
    """``[batch, f h, f w, c] -> [batch, h, w, f f c]``, a block's pixels row by row."""
    b, h, w, c = _blocks(x, factor)
    x = x.reshape(b, h, factor, w, factor, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h, w, factor * factor * c)


def depth_to_space(
    x: Float[Array, "batch h w blocks"], factor: int = 2
) -> Float[Array, "batch {factor}*h {factor}*w c"]:
    """``[batch, h, w, f f c] -> [batch, f h, f w, c]``, the inverse of :func:`space_to_depth`."""
    b, h, w, c = x.shape
    checks.integer("factor", factor, 1)
    if c % factor**2:
        raise ValueError(f"x has {c} channels; expected a multiple of {factor**2}")
    x = x.reshape(b, h, w, factor, factor, c // factor**2).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h * factor, w * factor, c // factor**2)


def upsample(x: Float[Array, "batch h w c"], factor: int = 2) -> Float[Array, "batch {factor}*h {factor}*w c"]:
    """Nearest neighbour: ``[batch, h, w, c] -> [batch, f h, f w, c]``."""
    b, h, w, c = x.shape
    checks.integer("factor", factor, 1)
    x = jnp.broadcast_to(x[:, :, None, :, None], (b, h, factor, w, factor, c))
    return x.reshape(b, h * factor, w * factor, c)


def average_pool(x: Float[Array, "batch h_in w_in c"], factor: int = 2) -> Float[Array, "batch h w c"]:
    """Means of ``factor × factor`` blocks: ``[batch, f h, f w, c] -> [batch, h, w, c]``."""
    b, h, w, c = _blocks(x, factor)
    return x.reshape(b, h, factor, w, factor, c).mean((2, 4))


def _blocks(x: Array, factor: int) -> tuple[int, int, int, int]:
    b, h, w, c = x.shape
    checks.integer("factor", factor, 1)
    if h % factor or w % factor:
        raise ValueError(f"x has shape {x.shape}; expected a height and a width that are multiples of {factor}")
    return b, h // factor, w // factor, c


class Conv(nn.Module):
    """:func:`convolution` with its parameters.

    Attributes:
      features: channels out.
      kernel_size: side of the kernel.
      stride: of the output.
      groups: channels in and out are cut into this many groups, each seeing itself alone.
      use_bias: whether a bias is added.
      kernel_init: of the kernel ``[side, side, cin / groups, features]``.
      dtype: what it computes in; parameters are float32.
      padding: ``"SAME"`` or ``"VALID"``.
    """

    features: int
    kernel_size: int = 3
    stride: int = 1
    groups: int = 1
    use_bias: bool = True
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()
    dtype: jnp.dtype | None = None
    padding: str = "SAME"

    @nn.compact
    def __call__(self, x: Float[Array, "batch h w cin"]) -> Float[Array, "batch h_out w_out features"]:
        """Maps ``x [batch, h, w, cin]`` to ``[batch, ⌈h / stride⌉, ⌈w / stride⌉, features]``, or less where the padding is ``"VALID"``."""
        shape = (self.kernel_size, self.kernel_size, x.shape[-1] // self.groups, self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32) if self.use_bias else None
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        y = convolution(x, kernel, stride=self.stride, padding=self.padding, groups=self.groups)
        return y if bias is None else y + bias.reshape(1, 1, 1, -1)


class ConvTranspose(nn.Module):
    """:func:`transposed_convolution` with its parameters.

    Attributes:
      features: channels out.
      kernel_size: side of the kernel.
      stride: how many times larger the image becomes.
      use_bias: whether a bias is added.
      kernel_init: of the kernel ``[side, side, cin, features]``.
      dtype: what it computes in; parameters are float32.
    """

    features: int
    kernel_size: int = 4
    stride: int = 2
    use_bias: bool = True
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()
    dtype: jnp.dtype | None = None

    @nn.compact
    def __call__(self, x: Float[Array, "batch h w cin"]) -> Float[Array, "batch h_out w_out features"]:
        """Maps ``x [batch, h, w, cin]`` to ``[batch, stride h, stride w, features]``."""
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32) if self.use_bias else None
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        y = transposed_convolution(x, kernel, stride=self.stride)
        return y if bias is None else y + bias.reshape(1, 1, 1, -1)
