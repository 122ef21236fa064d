"""JAX as a command wants it: its cache on disk, and a CPU as one device or as several."""

from __future__ import annotations

import contextlib
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


def cores() -> int:
    """The CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
