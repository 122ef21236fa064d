"""The TFDS builder behind ``avatars``; apart, because importing TFDS takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from gan_jax.data.avatar_drawing import STYLES
from gan_jax.data.avatars import ATTRIBUTES, VALUES
from gan_jax.data.drawn_avatars import CAPTIONS, SPLITS, draw_set

SIZES = (16, 32, 64)
CONFIGS = tuple((style, size) for style in STYLES for size in SIZES)
"""Every style at every size."""


def name_of(style: str, size: int) -> str:
    """TFDS's name of a configuration."""
    return f"{style}_{size}"


class Avatars(tfds.core.GeneratorBasedBuilder):
    """Faces drawn by code from known attributes, with captions in several wordings."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "As drawn by gan_jax.data.avatars."}
    BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = [
        tfds.core.BuilderConfig(name=name_of(style, size), description=f"{style}, {size} x {size}")
        for style, size in CONFIGS
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        size = int(self.builder_config.name.rpartition("_")[2])
        values = "; ".join(f"{name}: {', '.join(known)}" for name, known in VALUES.items())
        # Tensor and not Image: an Image is stored as a PNG, which TFDS encodes with TensorFlow.
        features = {
            "index": tfds.features.Scalar(np.int32, doc="Position in its split."),
            "image": tfds.features.Tensor(shape=(size, size, 3), dtype=np.uint8),
            "attributes": tfds.features.Tensor(shape=(len(ATTRIBUTES),), dtype=np.int32, doc=values),
            "captions": tfds.features.Tensor(shape=(CAPTIONS,), dtype=np.object_, doc="Sentences, UTF-8."),
            "said": tfds.features.Tensor(
                shape=(CAPTIONS, len(ATTRIBUTES)),
                dtype=np.int32,
                doc="What each says of every attribute; -1 for nothing.",
            ),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=None,
            disable_shuffling=True,
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        del dl_manager  # Nothing is downloaded: the pictures are drawn.
        return {split: self._generate_examples(seed, *what) for seed, (split, what) in enumerate(SPLITS.items())}

    def _generate_examples(self, seed: int, pairs: str, count: int) -> Iterator[tuple[int, dict[str, Any]]]:
        style, _, size = self.builder_config.name.rpartition("_")
        drawn = draw_set(seed, count, pairs=pairs, size=int(size), style=style)
        for index in range(count):
            yield (
                index,
                {
                    "index": np.int32(index),
                    "image": drawn.images[index],
                    "attributes": drawn.attributes[index],
                    "captions": np.array([caption.encode() for caption in drawn.captions[index]], object),
                    "said": drawn.condition_attributes[index],
                },
            )
