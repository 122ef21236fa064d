"""The configuration of ``text_to_avatar``, and the names that it and its figure share."""

from __future__ import annotations

from dataclasses import dataclass, field

from gan_jax.cli.avatar_games import TextGameRecipe
from gan_jax.ranges import Count, Seed

ENCODERS = {"gru": "GRU", "transformer": "Transformer", "lstm": "LSTM"}
"""Of ``models.text.ENCODERS``; named here, since a configuration loads no JAX. A key of each is split off in this order."""

PAIRS = {"seen": "seen pairs", "held_out": "held-out pairs"}


@dataclass(frozen=True)
class Config:
    """Two encoders on one data set."""

    encoders: tuple[str, ...] = ("gru", "transformer")  # Encoders of captions: gru, transformer, lstm.
    size: Count = 32  # Pixels a side: 16, 32 or 64.
    avatars: Count = 20_000  # Training pictures; 20 000 is the prepared set, other numbers are drawn anew.
    recipe: TextGameRecipe = field(default_factory=TextGameRecipe)  # Networks, rates and penalties.
    steps: Count = 8000  # Steps of every game; a multiple of ``records``.
    records: Count = 4  # How many times a game is looked at.
    seeds: Count = 2  # Games of every encoder.
    samples: Count = 1000  # Generated pictures at every look, of seen and of held-out pairs each; a multiple of 250.
    last_samples: Count = 10_000  # Pictures of each at the last look.
    within: Count = 40  # Captions whose diversity is measured.
    each: Count = 25  # Pictures of each of them; captions times pictures is a multiple of 250.
    shown: Count = 8  # Pictures of a caption in the figure.
    seed: Seed = 0  # Seed of everything random.

    def __post_init__(self) -> None:
        if (
            not self.encoders
            or len(set(self.encoders)) != len(self.encoders)
            or not set(self.encoders) <= set(ENCODERS)
        ):
            raise ValueError(f"encoders is {self.encoders}; expected different names among {', '.join(ENCODERS)}")
        for name, value in (
            ("samples", self.samples),
            ("last_samples", self.last_samples),
            ("within * each", self.within * self.each),
        ):
            if value < 250 or value % 250:
                raise ValueError(f"{name} is {value}; expected a multiple of 250")


SMOKE = Config(
    encoders=("gru",),
    avatars=64,
    size=16,
    recipe=TextGameRecipe(width=4, critic_width=4, hidden=8, text_width=8, latent=4, batch_size=4),
    steps=4,
    records=2,
    seeds=1,
    samples=250,
    last_samples=250,
    within=10,
    shown=3,
)
