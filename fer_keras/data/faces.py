"""`Faces`: images with their labels, splits and origins, as plain NumPy arrays."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from fer_keras.emotions import IMAGE_SIZE
from fer_keras.errors import UserError, unknown_name

# The names of FER2013's `Usage` column. Training is trained on, PublicTest selects the model (the public leaderboard
# of the challenge), PrivateTest only ever tests it. Folders map onto them: train/, val(idation)/, test/.
SPLITS = ("Training", "PublicTest", "PrivateTest")
# What people call them, in small letters: names of folders, values of a column.
SPLIT_WORDS = {
    "train": "Training",
    "training": "Training",
    "val": "PublicTest",
    "valid": "PublicTest",
    "validation": "PublicTest",
    "publictest": "PublicTest",
    "test": "PrivateTest",
    "testing": "PrivateTest",
    "privatetest": "PrivateTest",
}

SYNTHETIC = "synthetic faces"  # the `source` of faces that this program has drawn
SYNTHETIC_NOTE = "Drawn, synthetic faces: says nothing about people."  # every figure made of them carries it


@dataclass(frozen=True)
class Faces:
    """N gray faces.

    images: uint8 (N, 48, 48), 0..255.
    labels: int64 (N,), 0..6 in the order of `fer_keras.emotions.EMOTIONS`; None where the source has no labels.
    usage:  str (N,), each one of SPLITS.
    ids:    str (N,), where each image stands in its source: the CSV's row ("row 2", the header being row 1), a file's
            path inside the folder, the value of the CSV's `id` column, a drawn face's number or a photo's name.
    source: what was read, for people: a path, or SYNTHETIC.
    sha256: of the content of the source, hexadecimal; "" where nobody asks for it (`read_unlabelled`).
    development_sha256: of what a run may learn from or be selected on (`development_sha256`), of the whole source too;
            "" where it is not known.
    """

    images: np.ndarray
    labels: np.ndarray | None
    usage: np.ndarray
    ids: np.ndarray
    source: str
    sha256: str
    development_sha256: str = ""

    def __post_init__(self) -> None:
        n = len(self.images)
        assert self.images.dtype == np.uint8 and self.images.shape == (n, IMAGE_SIZE, IMAGE_SIZE), self.images.shape
        assert self.labels is None or (self.labels.dtype == np.int64 and self.labels.shape == (n,))
        assert self.usage.shape == self.ids.shape == (n,)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def synthetic(self) -> bool:
        return self.source == SYNTHETIC

    def take(self, index: np.ndarray) -> "Faces":
        """Return the faces at `index` (integers or a boolean mask), in its order."""
        labels = None if self.labels is None else self.labels[index]
        return replace(self, images=self.images[index], labels=labels, usage=self.usage[index], ids=self.ids[index])

    def numbered(self) -> "Faces":
        """Return the faces with their places as ids, "0", "1", ...: they tell where what is chosen of them stood."""
        return replace(self, ids=np.arange(len(self)).astype(str))

    def splits(self) -> list[str]:
        """Return the names of the splits that have at least one face, in the order of SPLITS."""
        there = set(np.unique(self.usage).tolist())
        return [name for name in SPLITS if name in there]

    def split(self, name: str) -> "Faces":
        """Return the faces of one split. UserError for an unknown name, or for a split that the source lacks."""
        if name not in SPLITS:
            raise unknown_name("split", name, SPLITS)
        if name not in self.splits():
            raise UserError(f"{self.source} has no {name} split. It has: {', '.join(self.splits()) or 'no images'}")
        return self.take(self.usage == name)


def development_sha256(images: np.ndarray, labels: np.ndarray | None, usage: np.ndarray) -> str:
    """Return the SHA-256 of the images and labels of Training and PublicTest, in their order; "" without labels.

    It is the same whether a source has PrivateTest as well or not (FER2013 is passed on in both ways), and however its
    file is written. Shapes and dtypes as in `Faces`.
    """
    if labels is None:
        return ""
    digest = hashlib.sha256()
    for split in ("Training", "PublicTest"):
        there = usage == split
        digest.update(f"{split} {np.sum(there)}\n".encode())
        digest.update(np.ascontiguousarray(images[there]))
        digest.update(labels[there].astype(np.uint8))
    return digest.hexdigest()
