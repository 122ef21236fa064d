"""Many members — seeds, separations, hyperparameters — as one program, over all the devices there are.

How members are mapped on one device depends on the device. Small networks leave an accelerator idle, and ``vmap`` turns their products
into batched ones, their convolutions as well (``models.products``): on one H100 a step of twelve games of ``cycle_avatars`` takes 7.4 ms,
.6 ms a game, where a single game with twice the channels takes 8.3 ms. On a CPU batched products lose the cache and the fast
single-matrix kernels: there members run one after another (``lax.map``), one stream for every (virtual) device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, PartitionSpec

from gan_jax import caching, checks
from gan_jax.training.mesh import fetch
from gan_jax.training.state import check_hyperparameter
from gan_jax.typing import Array, PRNGKey, PyTree

Mapper: TypeAlias = Callable[[Callable[..., PyTree]], Callable[..., PyTree]]


def sequential(function: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """Maps ``function`` over the leading axis of its arguments, one member after another, in one program."""
    return lambda *arguments: jax.lax.map(lambda member: function(*member), arguments)


def by_backend() -> Mapper:
    """Returns the mapping that was measured to be faster on the default backend: ``sequential`` on CPU, ``jax.vmap`` elsewhere."""
    return sequential if jax.default_backend() == "cpu" else jax.vmap


def ensemble(
    function: Callable[..., PyTree], *, mapper: Mapper | None = None, mesh: Mesh | None = None
) -> Callable[..., PyTree]:
    """Maps ``function`` over members and shards the members over devices.

    Args:
      function: of one member's arguments; pure.
      mapper: how members run on one device; ``by_backend()`` where None.
      mesh: a mesh of one axis to shard over; all devices where None.

    Returns:
      A pure function of the same arguments with a leading axis ``[members]``, to be jitted by the caller; its results have the leading
      axis too. Members need not be a multiple of the devices: the last is repeated to fill and dropped again.

    Raises:
      ValueError: (when called) leading axes that differ, or no member.
    """

    def mapped(*arguments: PyTree) -> PyTree:
        members = _members(arguments)
        over = jax.make_mesh((jax.device_count(),), ("members",), axis_types=(AxisType.Auto,)) if mesh is None else mesh
        spec = PartitionSpec(over.axis_names[0])
        filled = arguments
        if members % over.size:
            index = jnp.minimum(jnp.arange(-(-members // over.size) * over.size), members - 1)
            filled = jax.tree.map(lambda a: a[index], arguments)
        local = (mapper or by_backend())(function)
        # Members do not talk to each other: there is no collective whose replication would have to be checked.
        results = jax.shard_map(local, mesh=over, in_specs=spec, out_specs=spec, check_vma=False)(*filled)
        return jax.tree.map(lambda a: a[:members], results)

    return caching.named(mapped, function)


def grid(*axes: jax.Array) -> tuple[jax.Array, ...]:
    """The Cartesian product of one-dimensional axes (numbers or keys), flattened to members; the last axis runs fastest.

    Args:
      *axes: arrays ``[n_i]``.

    Returns:
      One array ``[prod n_i]`` for each axis.
    """
    shape = tuple(axis.shape[0] for axis in axes)
    return tuple(
        jnp.broadcast_to(axis.reshape((1,) * i + (-1,) + (1,) * (len(axes) - i - 1)), shape).reshape(-1)
        for i, axis in enumerate(axes)
    )


def _members(arguments: PyTree) -> int:
    """Returns the common length of the leading axes."""
    lengths = {leaf.shape[:1] for leaf in jax.tree.leaves(arguments)}
    if len(lengths) != 1 or lengths & {(), (0,)}:
        raise ValueError(
            f"arguments have leading axes {sorted(lengths)}; expected one common number of members, at least 1"
        )
    return int(lengths.pop()[0])


def part(members: PyTree, first: int, count: int) -> PyTree:
    """``count`` members from number ``first`` on, of trees with a leading axis; where too few are left, the last again."""
    checks.integer("first", first, 0)
    checks.integer("count", count, 1)
    # A gather: a slice would count as a use of their keys.
    index = jnp.minimum(jnp.arange(first, first + count), _members(members) - 1)
    return jax.tree.map(lambda leaf: leaf[index], members)


def in_parts(
    program: Callable[..., PyTree],
    members: tuple[PyTree, ...],
    together: int,
    on_part: Callable[[int, int], None] | None = None,
) -> PyTree:
    """Calls a compiled program with ``together`` of its members at a time, so that progress is seen and Ctrl-C answered between calls.

    Args:
      program: of as many members as there are in ``part(members, 0, together)``.
      members: its arguments, with a leading axis ``[members]`` in every leaf.
      together: members of a call; the last call makes the last member again, where too few are left.
      on_part: ``on_part(done, members)`` after every call.

    Returns:
      What the program returns, on the host, ``[members, …]``.

    Raises:
      ValueError: ``together`` below one.
    """
    checks.integer("together", together, 1)
    number, parts = _members(members), []
    for first in range(0, number, together):
        found = fetch(program(*part(members, first, together)))
        parts.append(jax.tree.map(lambda leaf, first=first: leaf[: number - first], found))
        if on_part is not None:
            on_part(min(first + together, number), number)
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


Table: TypeAlias = dict[str, np.ndarray]
"""Columns of one length ``[members, …]``: hyperparameters and seed, then results."""


def sweep(
    member: Callable[..., dict[str, Array]],
    key: PRNGKey,
    *,
    seeds: int = 8,
    mapper: Mapper | None = None,
    together: int | None = None,
    on_part: Callable[[int, int], None] | None = None,
    **axes: Sequence[float] | np.ndarray | Array,
) -> Table:
    """Runs seeds × continuous hyperparameters as one compiled program, and returns a tidy table.

    Every point of the grid has the same keys: ``split(key, seeds)``, so that points differ by their hyperparameters alone. Discrete choices
    (objective, depth) are a plain loop over calls.

    Args:
      member: ``member(key, **hyperparameters) -> {name: array}``, pure; e.g. ``game.init`` followed by ``game.play``. The same function
        again is not compiled again.
      key: of all seeds.
      seeds: runs of every point.
      mapper: as in ``ensemble``.
      together: members of one call of the compiled program; all of them where None. With fewer, progress is seen and Ctrl-C answered.
      on_part: ``on_part(done, members)`` after every call.
      **axes: values of each hyperparameter.

    Returns:
      A column for every hyperparameter, one for the seed, and one for every result by name; seeds run fastest.

    Raises:
      ValueError: ``seeds`` or ``together`` below one, an axis that is empty or not one-dimensional; (from ``game.init``) an unknown
        hyperparameter; a result called as a hyperparameter is.
    """
    checks.takes("member", member, ("key",), "lambda key, **hyperparameters: {…}", more=True)
    key = checks.key("key", key)
    checks.integer("seeds", seeds, 1)
    if together is not None:
        checks.integer("together", together, 1)
    if "seed" in axes:
        raise ValueError("seed is the column of the repetition's number; expected another name for an axis")
    values = {name: jnp.asarray(checks.real(name, axis), float) for name, axis in axes.items()}
    for name, axis in values.items():
        if axis.ndim != 1 or axis.size == 0:
            raise ValueError(
                f"{name} has shape {axis.shape}; expected the values of one axis, [n] with n of at least 1, such as [0.1]"
            )
        for value in np.asarray(axis):
            check_hyperparameter(name, value)
    *points, number = grid(*values.values(), jnp.arange(seeds))
    columns = dict(zip(values, points, strict=True))
    keys = jax.random.split(key, seeds)[number]
    members = number.size
    size = members if together is None else min(together, members)

    results: Table = in_parts(caching.program(_columns, member, mapper), (keys, columns), size, on_part)
    taken = sorted(set(results) & {*columns, "seed"})
    if taken:
        raise ValueError(
            f"member returns {', '.join(taken)}, which is a column of the table already; expected other names"
        )
    return {**{name: np.asarray(column) for name, column in columns.items()}, "seed": np.asarray(number), **results}


def _columns(
    member: Callable[..., dict[str, Array]], mapper: Mapper | None, keys: PRNGKey, hyper: dict[str, Array]
) -> dict[str, Array]:
    """The results of all members, ``[members, …]``; ``member`` and ``mapper`` are static."""

    def of_one(key: PRNGKey, hyper: dict[str, Array]) -> dict[str, Array]:
        results = member(key, **hyper)
        if not isinstance(results, dict):
            raise TypeError(
                f"member returns {type(results).__name__}; expected a dictionary of arrays, the columns of the table"
            )
        return results

    return cast("dict[str, Array]", ensemble(of_one, mapper=mapper)(keys, hyper))
