"""JAX as a command wants it: its cache on disk, programs that are found there again, and a CPU as one device or as several."""

from __future__ import annotations

import contextlib
import functools
import os

from gan_jax.files import user_cache

MOST_CPU_DEVICES = 8


def configure_jax(cpu_devices: int | None = None) -> None:
    """Sets JAX up for a run: the compilation cache on disk, virtual devices on a CPU. What the user set stays.

    Ensembles shard over devices, so on a CPU they use all cores as soon as there is one virtual device for each. One large
    step is better off with one device, whose products use all cores: two that share a batch wait for each other. The
    number of devices is fixed when JAX first computes; in a process where that has happened it stays.

    Args:
      cpu_devices: how many a CPU becomes; one for each core where None.
    """
    import jax

    list_parameters_in_order()
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(user_cache() / "xla"))
    # JAX by default stores only programs that took long to compile; many small ones are what a start of seconds goes
    # into.
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    if "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES" not in os.environ:
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    chosen = "JAX_NUM_CPU_DEVICES" in os.environ or "xla_force_host_platform_device_count" in os.environ.get(
        "XLA_FLAGS", ""
    )
    if not chosen:
        # RuntimeError: the backends are up already, and the devices are what they are.
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", cpu_devices or min(cores(), MOST_CPU_DEVICES))


def list_parameters_in_order() -> None:
    """Makes NumPyro's laws list their parameters by name, so that a program of laws is found in the cache on disk.

    NumPyro 0.22 takes the order out of a set of strings, which is another one in every process: a jitted function of N(0, 1) then has its
    mean first in one and its deviation first in the next, and one program in two (of two parameters) is compiled again. For a process of
    our own: what was traced before is traced again, since it was traced with the order of then.
    """
    import jax
    from numpyro.distributions import Distribution

    found = Distribution.__dict__["gather_pytree_data_fields"]
    if hasattr(found.__func__, "__wrapped__"):
        return

    @functools.wraps(found.__func__)
    def by_name(kind: type[Distribution]) -> tuple[str, ...]:
        return tuple(sorted(found.__func__(kind)))

    Distribution.gather_pytree_data_fields = classmethod(by_name)
    jax.clear_caches()


def cores() -> int:
    """The CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
