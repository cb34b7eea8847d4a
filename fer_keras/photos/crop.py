"""A face cut out of a photo as FER2013's faces were cut out of theirs."""

import math

import numpy as np
from PIL import Image

from fer_keras.emotions import IMAGE_SIZE
from fer_keras.photos.detect import Box

MARGIN = 1.0  # the side of FER2013's images over that of the detector's box


def face_crop(gray: np.ndarray, box: Box) -> np.ndarray:
    """Cut a face out of a photo with the margin that FER2013's faces have, which is none: the box is the image.

    gray: uint8 (H, W), luma, the whole photo. Returns uint8 (48, 48), resampled with antialiasing as the readers of
    data do it. Beyond the photo's edge its outermost pixels are repeated.

    FER2013's faces were found by OpenCV's detector. Its margin was measured by searching 1,000 of its training images,
    enlarged and with their edges repeated around them. In the 737 where `find_faces` saw one face, the side of the
    image is 1.02 times that of the box in the median (quartiles 0.96 and 1.11), and the box's centre is off by less
    than 1% of the side, both ways. With gray around the images instead of their edges it is 1.00 times (300 images).
    """
    height, width = gray.shape
    side = MARGIN * box.width
    left, top = box.x + (box.width - side) / 2, box.y + (box.height - side) / 2
    first_row, first_column = math.floor(top), math.floor(left)
    rows = np.arange(first_row, math.ceil(top + side)).clip(0, height - 1)
    columns = np.arange(first_column, math.ceil(left + side)).clip(0, width - 1)
    patch = Image.fromarray(gray[np.ix_(rows, columns)])
    inside = (left - first_column, top - first_row, left - first_column + side, top - first_row + side)
    return np.array(patch.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC, box=inside))
