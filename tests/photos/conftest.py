"""Photos of the project's own faces: OpenCV's detectors take them for real ones."""

import numpy as np
import pytest
from PIL import Image

from fer_keras.data.synthetic import draw_faces


@pytest.fixture(scope="session")
def drawn_scene():
    """Return a function: squares (x, y, side) -> a gray photo, uint8 (H, W), with a face in each."""
    labels = np.arange(16) % 7
    people = draw_faces(labels, seed=0).images[[1, 4, 7, 8, 13, 14, 15]]  # whole faces without a hand before them

    def draw(squares, width=400, height=300):
        photo = np.broadcast_to(np.linspace(100, 160, width).astype(np.uint8), (height, width)).copy()
        for person, (x, y, side) in zip(people, squares, strict=False):
            face = np.array(Image.fromarray(person).resize((side, side), Image.Resampling.BICUBIC))
            part = photo[max(y, 0) : y + side, max(x, 0) : x + side]
            part[:] = face[max(-y, 0) :, max(-x, 0) :][: part.shape[0], : part.shape[1]]
        return photo

    return draw
