"""What ``cycle_avatars`` measures on pictures: attributes that are still there, and the distance to real cartoons."""

from __future__ import annotations

import numpy as np

from experiments.framework import AT_LEAST, AT_MOST, Arrays, Claim, TableRow, finding
from experiments.translation.ablations import ADVERSARIAL, FULL, NO_IDENTITY
from gan_jax.metrics.statistics import clopper_pearson

SCALES = ("features as they are", "features of mean square 1")
"""What KID is computed on."""

ATTRIBUTES = ("hair colour", "eye colour", "hair style", "face shape", "glasses")

COLOURS = 2
"""The first of them are what has to survive."""

SURVIVE = 0.9


def last(arrays: Arrays, field: str, game: str) -> np.ndarray:
    """A quantity of the finished games of one kind, ``[seeds, …]``."""
    return np.asarray(arrays[field][arrays["games"].tolist().index(game)])


def near(arrays: Arrays, scale: int) -> float:
    """The KID that counts as near: twice the sampling baseline and .02."""
    return 2.0 * max(float(arrays["floor"][scale, 0]), 0.0) + 0.02


def survival(arrays: Arrays, game: str, column: int) -> tuple[float, float, float]:
    """Share of pictures of all seeds on which an attribute survives, with its Clopper–Pearson interval of 95 %."""
    shares = last(arrays, "last", game)[:, column]
    n = int(arrays["n"]) * len(shares)
    low, high = clopper_pearson(np.asarray(round(float(shares.mean()) * n)), n, 0.95)
    return float(shares.mean()), float(low), float(high)


def claims(arrays: Arrays) -> list[Claim]:
    """Colours survive with cycles, and fewer of them without, or without identity terms; what G draws is near the cartoons."""
    result = []
    for column in range(COLOURS):
        share, low, high = survival(arrays, FULL, column)
        what = f"full game: least share whose {ATTRIBUTES[column]} survives, {int(arrays['n']):,} portraits"
        basis = f"every seed; mean {share:.3f}, 95 %: {low:.3f} to {high:.3f}"
        least = last(arrays, "last", FULL)[:, column].min()
        result.append(finding(what, "real cartoons: 100 %", SURVIVE, least, 0.0, AT_LEAST, basis))
    less = {ADVERSARIAL: "Zhu et al. 2017, table 4", NO_IDENTITY: "Zhu et al. 2017, section 5.2"}
    played = [game for game in less if game in arrays["games"].tolist()]
    result += [_fewer(arrays, game, column, less[game]) for game in played for column in range(COLOURS)]
    return result + [_near(arrays, scale) for scale in range(len(SCALES))]


def _near(arrays: Arrays, scale: int) -> Claim:
    """That the full game's pictures are as near to real cartoons as other real ones, nearly."""
    found, errors = (last(arrays, field, FULL)[:, scale] for field in ("kid", "kid_error"))
    value, error = arrays["floor"][scale]
    what = f"full game: largest KID of G(x) to the cartoons, {SCALES[scale]}, {int(arrays['kid_n']):,} each"
    source = f"real cartoons: {value:.4f}, s.e. {error:.4f}; twice that and .02"
    basis = f"every seed; s.e. {errors[found.argmax()]:.4f}"
    return finding(what, source, near(arrays, scale), found.max(), 0.0, AT_MOST, basis)


def _fewer(arrays: Arrays, game: str, column: int, source: str) -> Claim:
    """That a colour survives less often than in the full game: intervals do not touch."""
    (share, low, high), least = survival(arrays, game, column), survival(arrays, FULL, column)[1]
    what = f"{game}: {ATTRIBUTES[column]}, upper end of 95 %, below the full game's lower end"
    return finding(what, source, least, high, 0.0, AT_MOST, f"mean {share:.3f}, 95 %: {low:.3f} to {high:.3f}")


def table(arrays: Arrays) -> list[TableRow]:
    """Every share at every record, the last ones, cycle errors and KID."""
    rows: list[TableRow] = []
    end = float(arrays["steps"][-1])

    def add(game: str, step: float, seed: int, quantity: str, value: float) -> None:
        rows.append({"game": game, "step": step, "seed": seed, "quantity": quantity, "value": value})

    for number, game in enumerate(arrays["games"].tolist()):
        for (record, seed), error in np.ndenumerate(arrays["cycle"][:, number]):
            step = float(arrays["steps"][record])
            add(game, step, seed, "cycle error", float(error))
            for column, name in enumerate(ATTRIBUTES):
                add(game, step, seed, name, float(arrays["right"][record, number, seed, column]))
        for seed, values in enumerate(last(arrays, "last", game)):
            for column, name in enumerate(ATTRIBUTES):
                add(game, end, seed, f"{name}, n = {int(arrays['n'])}", float(values[column]))
            for name, value in zip(SCALES, arrays["kid"][number, seed], strict=True):
                add(game, end, seed, f"KID, {name}", float(value))
    return rows
