"""Run by ``answers.watch`` as a process of its own, without JAX: passes on what C++ writes to standard error, but for JAX's abort.

``python -I -S watcher.py DESCRIPTOR SENTENCE``: DESCRIPTOR is the end of a pipe to read from; standard input is how the watched process
says that it ends by itself. Where it ends without a word, SENTENCE takes the place of the dump.
"""

from __future__ import annotations

import os
import sys

BY_ITSELF, SAID = b".", b"!"
"""What the watched process says of its end: that nothing went wrong, or that it has said itself what did."""

DUMP = (
    b" preemption_sync_manager.cc",
    b"Polled an error from coordination service",
    b"Terminating process because the JAX distributed service",
)
"""What JAX's dump begins with where process 0 is gone: some 20 lines of C++, and then the process is aborted."""


def main(descriptor: int, sentence: str) -> None:
    """Reads until the watched process is gone."""
    held = b""
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        line = b""
        while data := stream.read(1 << 16):
            *lines, line = (line + data).split(b"\n")
            for whole in lines:
                if held or any(said in whole for said in DUMP):
                    held += whole + b"\n"
                else:
                    os.write(2, whole + b"\n")
        held += line
    end = os.read(0, 1)
    if end == BY_ITSELF:
        os.write(2, held)
    elif end != SAID:
        os.write(2, sentence.encode())


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
