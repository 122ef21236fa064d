"""The largest memory of a process; imports nothing heavy, so that it can be asked from the beginning."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path


def peak_megabytes() -> float:
    """The largest resident memory of this process since its program began [MB].

    Linux hands ``ru_maxrss`` on from the process that started this one, so that a small child of a large parent shows the parent's: there
    the kernel's own high-water mark of the address space is read.
    """
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.exists() else None
    if found:
        return int(found[1]) / 1024
    # macOS counts bytes, others kilobytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
