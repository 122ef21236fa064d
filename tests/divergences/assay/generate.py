"""Writes ``assay.json``: pairs of laws, what they are apart, and the derivatives in all of their parameters.

    python -m tests.divergences.assay.generate

About five minutes of one core where gmpy2 is installed, several times as long with mpmath alone. What is done is kept in
``--partial`` and not done again. A pair of which something essential could not be verified (an exponent of which it cannot
be said whether an integral converges, more than ``--seconds`` of processor time) is drawn anew.
"""

from __future__ import annotations

import argparse
import json
import signal
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.divergences.assay import drawing
from tests.divergences.assay.arithmetic import text
from tests.divergences.assay.truth import QUANTITIES, Unresolved, truth

TRIES = 5


def _row(name: str, p: Any, q: Any) -> dict[str, Any]:
    found = truth(p, q)
    values = {key: text(value) for key, value in found.values.items() if value is not None}
    gradients = {
        path: None
        if slopes is None
        else {key: text(slope, 14) for key, slope in slopes.items() if slope is not None and slope == slope}
        for path, slopes in found.gradients.items()
    }
    return {"name": name, "p": p, "q": q, "values": values, "gradients": gradients}


def _compact(row: dict[str, Any]) -> list[Any]:
    """``[name, p, q, values, gradients]``: values in the order of ``QUANTITIES``, gradients by quantity and parameter."""
    values = [row["values"].get(quantity) for quantity in QUANTITIES]
    gradients = []
    for quantity in QUANTITIES:
        slopes = [None if of is None else of.get(quantity) for of in row["gradients"].values()]
        largest = max((abs(Decimal(slope)) for slope in slopes if slope is not None), default=Decimal(0))
        gradients.append(
            [_short(slope, largest) for slope in slopes] if any(slope is not None for slope in slopes) else None
        )
    return [row["name"], row["p"], row["q"], values, gradients]


def _short(slope: str | None, largest: Decimal) -> str | None:
    """Ten digits; 0 for what is left of a derivative that is 0."""
    if slope is None:
        return None
    return "0" if abs(Decimal(slope)) < Decimal("1e-17") * largest else f"{Decimal(slope):.10g}"


def _too_long(*_: Any) -> None:
    raise Unresolved("time is up")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--partial", type=Path, default=Path("assay.partial.jsonl"))
    options.add_argument("--out", type=Path, default=Path(__file__).with_name("assay.json"))
    options.add_argument("--seconds", type=int, default=20, help="of processor time for one pair")
    options.add_argument("--part", default="0/1", help="k/n: every n-th pair, to share the work among processes")
    chosen = options.parse_args()
    done = {}
    if chosen.partial.exists():
        done = {row["name"]: row for row in map(json.loads, chosen.partial.read_text().splitlines())}
    part, parts = map(int, chosen.part.split("/"))
    names = [name for name, _, _ in drawing.pairs(lambda _: 0)]
    # The first pair of every kind, then the second of every kind: what there is at any time is of all kinds.
    turns = sorted(names, key=lambda name: int(name.rsplit(" ", 1)[1]))
    signal.signal(signal.SIGPROF, _too_long)
    for name in [n for i, n in enumerate(turns) if i % parts == part and n not in done]:
        for attempt in range(TRIES):
            p, q = next(found[1:] for found in drawing.pairs(lambda _, a=attempt: a) if found[0] == name)
            signal.setitimer(signal.ITIMER_PROF, chosen.seconds)
            try:
                done[name] = _row(name, p, q)
            except (Unresolved, ArithmeticError, ValueError) as why:
                print(f"{name}, draw {attempt + 1}: {type(why).__name__} {why}", flush=True)  # noqa: T201
                continue
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            print(f"{name}: draw {attempt + 1}, {len(done[name]['values'])} values", flush=True)  # noqa: T201
            with chosen.partial.open("a") as file:
                file.write(json.dumps(done[name]) + "\n")
            break
    rows = [done[name] for name in names if name in done]
    chosen.out.write_text(
        "[\n" + ",\n".join(json.dumps(_compact(row), separators=(",", ":")) for row in rows) + "\n]\n"
    )


if __name__ == "__main__":
    main()
