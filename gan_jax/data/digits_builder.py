"""The TFDS builder behind ``digits``; apart, because importing TFDS takes seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds


class SklearnDigits(tfds.core.GeneratorBasedBuilder):
    """scikit-learn's bundled digits: 1797 handwritten digits of 8 × 8 pixels in 17 grey levels."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "As bundled with scikit-learn."}

    def _info(self) -> tfds.core.DatasetInfo:
        # Tensor and not Image: an Image is stored as a PNG, which TFDS encodes with TensorFlow.
        features = {
            "index": tfds.features.Scalar(np.int32, doc="Position in scikit-learn's set."),
            "image": tfds.features.Tensor(shape=(8, 8), dtype=np.uint8, doc="Ink, 0 (none) to 16 (full)."),
            "label": tfds.features.Scalar(np.int32, doc="The digit, 0 to 9."),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            homepage="https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_digits.html",
            citation=(
                "Alpaydin, E. and Kaynak, C. (1998). Optical Recognition of Handwritten Digits. "
                "UCI Machine Learning Repository. doi:10.24432/C50P49."
            ),
            disable_shuffling=True,
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        del dl_manager  # Nothing is downloaded: the pictures come with scikit-learn.
        return {"train": self._generate_examples()}

    def _generate_examples(self) -> Iterator[tuple[int, dict[str, Any]]]:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        for index, (image, label) in enumerate(zip(bunch.images, bunch.target, strict=True)):
            yield index, {"index": np.int32(index), "image": image.astype(np.uint8), "label": np.int32(label)}
