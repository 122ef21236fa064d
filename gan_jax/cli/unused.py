"""Options of a run that were given and that nothing reads, since another option was not: said, so that nobody waits for what they do."""

from __future__ import annotations

from collections.abc import Iterator

from gan_jax.cli.image_config import Config
from gan_jax.cli.image_data import STACKED


def without_effect(config: Config) -> list[str]:
    """One sentence for every option that is not at its default and has no effect beside the others."""
    return [
        f"--{part}.{name.replace('_', '-')} is {getattr(getattr(config, part), name)}, and has no effect {why}"
        for part, names, why in _unread(config)
        for name in names
        if getattr(getattr(config, part), name) != getattr(getattr(Config(), part), name)
    ]


def _unread(config: Config) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Which options of which part nothing reads, and beside what."""
    data, condition = config.data, config.condition
    folder = data.name.startswith("folder:")
    if not folder:
        yield "data", ("crop", "skip_corrupt", "most_pixels"), f"on {data.name}, which is no folder"
    if folder or data.name in ("digits", STACKED):
        yield "data", ("data_dir",), f"on {data.name.partition(':')[0]}, which is no set of TFDS"
    if condition.kind == "none":
        yield "condition", ("encoder", "width", "head", "wrong_weight"), "without --condition.kind"
    elif condition.kind == "label":
        yield "condition", ("encoder",), "on labels"
    if condition.kind != "none" and condition.head == "auxiliary":
        yield "condition", ("wrong_weight",), "with --condition.head auxiliary"
    if config.rule.penalty == "none":
        yield "rule", ("penalty_weight", "penalty_every"), "with --rule.penalty none"
    if condition.kind == "caption":
        yield (
            "evaluation",
            ("inception", "sha256"),
            "with captions, which are measured by what can be read off the pictures",
        )
    elif config.evaluation.inception is None:
        yield "evaluation", ("sha256",), "without --evaluation.inception"
    elif config.evaluation.fake == 0:
        yield "evaluation", ("inception", "sha256"), "with --evaluation.fake 0"
