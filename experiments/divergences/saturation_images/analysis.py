"""What ``saturation_images`` finds: its claims and its table."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

from experiments.framework import AT_LEAST, AT_MOST, EQUAL, Arrays, Claim, TableRow, finding, per_seed, theorem
from gan_jax.metrics import statistics

LOG_2 = math.log(2.0)


def claims(arrays: Arrays) -> list[Claim]:
    """What the two halves say of a shift, and the two distances of the classes."""
    return [*_exact_claims(arrays), *_shift_claims(arrays), *_class_claims(arrays)]


def rounding(arrays: Arrays, value: float) -> float:
    """How far a float32 sum of n + m − 1 masses times distances of 64 squares may be from the theorem: eps / 2 a term."""
    terms = arrays["shift/half_sizes"].sum() + arrays["example"].size
    return float(terms * np.finfo(np.float32).eps / 2 * value)


def _exact_claims(arrays: Arrays) -> list[Claim]:
    """Disjoint supports, and the theorems that hold for every split."""
    theta, transport = arrays["shift/theta"].astype(float)[:, None], arrays["shift/transport"]
    rounded = rounding(arrays, transport.max())
    excess = (np.abs(transport - theta) - transport[:1])[1:].max()
    above = (transport - theta - arrays["shift/linear_gap"][None]).min()
    repeated, ink = float(arrays["repeated"]), float(arrays["shift/least_ink"])
    perfect = "Arjovsky & Bottou 2017, section 2.1"
    twice, empty = "pictures that occur twice (on both sides, in two classes)", "most ink in a picture's emptiest pixel"
    upper, lower = "|W1(A, B + θv) − θ| − W1(A, B)", "W1(A, B + θv) − θ − ⟨v, mean B − mean A⟩"
    return [
        theorem(f"{twice}: JS of classes is log 2", perfect, 0.0, repeated, 0.0, EQUAL, "exact"),
        theorem(f"{empty}: JS is log 2 for every θ > 0", perfect, 0.0, ink, 0.0, EQUAL, "exact"),
        theorem(f"halves: largest {upper}", "triangle inequality", 0.0, excess, rounded, AT_MOST, "rounding"),
        theorem(f"halves: least {lower}", "duality, with ⟨v, ·⟩", 0.0, above, rounded, AT_LEAST, "rounding"),
    ]


def _shift_claims(arrays: Arrays) -> list[Claim]:
    """Trained values over the shift against the truth."""
    theta = arrays["shift/theta"].astype(float)
    far = theta >= 1.0
    js, w1 = (arrays[f"shift/{name}"].mean(axis=1) for name in ("js", "w1"))
    js_noise, w1_noise = (standard_error(arrays[f"shift/{name}_standard_error"]) for name in ("js", "w1"))
    goodfellow, duality = "Goodfellow et al. 2014, theorem 1", "Kantorovich–Rubinstein duality"
    short, nats, noise = "shift: largest log 2 − trained JS", "0.02 nats, mean over seeds", "4 standard errors"
    bound = "is a lower bound (largest excess in standard errors)"
    off, error = float(np.abs(w1[far] / theta[far] - 1).max()), "largest relative error of trained W1 from θ = 1 on"
    return [
        finding(f"{short} from θ = 1 on", goodfellow, 0.0, LOG_2 - js[far].min(), 0.02, EQUAL, nats),
        finding(f"{short} for all θ > 0", goodfellow, 0.0, LOG_2 - js[1:].min(), 0.02, EQUAL, nats),
        theorem(f"shift: trained JS at θ = 0 {bound}", goodfellow, 0.0, (js / js_noise)[0], 4.0, AT_MOST, noise),
        finding(f"shift: {error}", duality, 0.0, off, 0.03, EQUAL, "3 %, mean over seeds"),
        theorem(f"shift: trained W1 {bound}", duality, 0.0, ((w1 - theta) / w1_noise).max(), 4.0, AT_MOST, noise),
    ]


def _class_claims(arrays: Arrays) -> list[Claim]:
    """What JS and W1 tell of the classes."""
    digits = arrays["classes/digits"].tolist()
    pairs = list(combinations(range(len(digits)), 2))
    js, transport, baseline = (arrays[f"classes/{name}"] for name in ("js", "transport", "floor"))
    larger = np.stack([np.maximum(baseline[i], baseline[j]) for i, j in pairs])
    of_js, of_w1 = (float(values.mean(axis=1).std() / values.mean()) for values in (js, transport))
    short = LOG_2 - js.mean(axis=1)
    above = float(less_noise(transport - larger).min())
    perfect, nats, halves = "Arjovsky & Bottou 2017, section 2.1", "0.02 nats, mean over seeds", "delete-half jackknife"
    seen = "Arjovsky, Chintala & Bottou 2017, section 2"
    relative = "classes: standard deviation over pairs / mean, of trained JS against W1"
    result = [
        finding("classes: mean log 2 − trained JS over pairs", perfect, 0.0, short.mean(), 0.02, EQUAL, nats),
        finding("classes: largest log 2 − trained JS of a pair", perfect, 0.0, short.max(), 0.02, EQUAL, nats),
        finding(relative, seen, of_w1, of_js, 0.0, AT_MOST, "the same pairs"),
        finding("classes: least W1 − floor, less 4 standard errors", seen, 0.0, above, 0.0, AT_LEAST, halves),
    ]
    named = [(digits[i], digits[j]) for i, j in pairs]
    if (0, 1) in named and (3, 8) in named:
        far, near = named.index((0, 1)), named.index((3, 8))
        w1_gap, js_gap = float(less_noise((transport[far] - transport[near])[None])[0]), js[far] - js[near]
        noise = float(4 * statistics.standard_error(js_gap))
        what, errors = "classes: W1(0, 1) − W1(3, 8), less 4 standard errors", "4 standard errors over seeds"
        result += [
            finding(what, "3 and 8 look more alike than 0 and 1", 0.0, w1_gap, 0.0, AT_LEAST, halves),
            finding("classes: trained JS(0, 1) − JS(3, 8)", perfect, 0.0, js_gap.mean(), noise, EQUAL, errors),
        ]
    return result


def standard_error(errors: np.ndarray) -> np.ndarray:
    """Of a mean over seeds, from every seed's own ``[members, seeds]``.

    Splits are drawn independently. Given its critic, a split's held-out pictures are a random partition of what it did
    not train on: the difference of the two sides' means then has just the variance of independent samples.
    """
    return np.sqrt(np.square(errors).mean(axis=1) / errors.shape[1])


def less_noise(differences: np.ndarray) -> np.ndarray:
    """Means ``[rows]`` of ``[rows, seeds]`` less four standard errors.

    A seed looks at a random half of each class. The deviation between such halves, not divided by the root of their
    number, is the standard error of a value from the whole class: the mean of n / 2 of n points has variance
    (1 − 1/2) S² / (n / 2) = S² / n (the delete-half jackknife of Shao & Wu 1989).
    """
    return differences.mean(axis=1) - 4 * statistics.standard_deviation(differences, 1)


def table(arrays: Arrays) -> list[TableRow]:
    """Every scalar of every shift and pair, long format."""
    digits = arrays["classes/digits"].tolist()
    members = {
        "shift": [f"{theta:g}" for theta in arrays["shift/theta"]],
        "classes": [f"{a} {b}" for a, b in combinations(digits, 2)],
    }
    rows: list[TableRow] = []
    for name, values in arrays.items():
        part, _, quantity = name.partition("/")
        if values.ndim != 2 or not quantity:
            continue
        labels = [f"{digit} {digit}" for digit in digits] if quantity == "floor" else members[part]
        for label, entries in zip(labels, values, strict=True):
            rows += per_seed(entries, part=part, member=label, quantity=quantity)
    return rows
