"""Faces made by hand: images that tell their number, with the labels and splits that a test asks for."""

import numpy as np

from fer_keras.config import Settings
from fer_keras.data.faces import Faces
from fer_keras.data.protocol import training_and_validation
from fer_keras.provenance import SplitRecipe


def numbered_images(n):
    """Return n images that all differ: each spells its number."""
    images = np.zeros((n, 48, 48), dtype=np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.arange(n) % 256, np.arange(n) // 256
    return images


def make_faces(labels, usage=None, images=None):
    n = len(labels)
    return Faces(
        images=numbered_images(n) if images is None else images,
        labels=np.array(labels, dtype=np.int64),
        usage=np.array(["Training"] * n if usage is None else usage),
        ids=np.array([f"row {i + 2}" for i in range(n)]),
        source="test faces",
        sha256="0" * 64,
    )


def parted(faces, **settings):
    """Return what trains and what validates with these settings."""
    return training_and_validation(faces, SplitRecipe.of(Settings(**settings), faces.sha256))


def write_faces(path, images, labels=None, usage=None):
    """Write a CSV of faces: `emotion,pixels,Usage`, without the columns that are None."""
    header = [*([] if labels is None else ["emotion"]), "pixels", *([] if usage is None else ["Usage"])]
    lines = [",".join(header)]
    for i, image in enumerate(images):
        fields = [] if labels is None else [str(labels[i])]
        fields.append(" ".join(map(str, image.ravel().tolist())))
        lines.append(",".join(fields if usage is None else [*fields, usage[i]]))
    path.write_text("\n".join(lines) + "\n")
    return path
