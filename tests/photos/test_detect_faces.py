import numpy as np
import pytest
from PIL import Image

from fer_keras.photos.detect import VOTES, find_faces, overlap


def square_of(box):
    return box.x, box.y, box.width, box.height


def near(box, square):
    """Whether a box is about a square (x, y, side): a drawn face does not fill its image to the pixel."""
    return overlap(square_of(box), (*square, square[2])) > 0.55


@pytest.mark.parametrize("side", [56, 110, 220])
def test_a_face_is_found_where_it_stands(drawn_scene, side):
    (box,) = find_faces(drawn_scene([(90, 40, side)]))
    assert near(box, (90, 40, side))
    assert box.width == box.height
    assert box.score >= VOTES


def test_faces_come_from_left_to_right(drawn_scene):
    squares = [(270, 30, 100), (20, 150, 110), (150, 100, 90)]
    boxes = find_faces(drawn_scene(squares))
    assert len(boxes) == 3
    assert all(near(box, square) for box, square in zip(boxes, sorted(squares), strict=True))


@pytest.mark.parametrize("kind", ["noise", "gradient", "checkerboard", "black", "one pixel"])
def test_no_face_where_there_is_none(kind):
    rows, columns = np.mgrid[:300, :400]
    photo = {
        "noise": np.random.default_rng(0).integers(0, 256, (300, 400)),
        "gradient": columns * 255 // 400,
        "checkerboard": (rows // 20 + columns // 20) % 2 * 255,
        "black": np.zeros((300, 400)),
        "one pixel": np.zeros((1, 1)),
    }[kind]
    assert find_faces(photo.astype(np.uint8)) == []


def test_colour_is_searched_as_its_luma(drawn_scene):
    gray = drawn_scene([(90, 40, 120)])
    assert find_faces(np.stack([gray] * 3, axis=-1)) == find_faces(gray)
    # The face is in the red alone, as luma a contrast of 30% is left of it.
    red = np.zeros((*gray.shape, 3), np.uint8)
    red[..., 0] = gray
    (box,) = find_faces(red)
    assert near(box, (90, 40, 120))


def test_boxes_are_in_pixels_of_the_photo_however_large_it_is(drawn_scene):
    small = Image.fromarray(drawn_scene([(90, 40, 120), (240, 120, 140)]))
    large = np.array(small.resize((2400, 1800), Image.Resampling.BICUBIC))
    boxes = find_faces(large)
    assert len(boxes) == 2
    assert near(boxes[0], (540, 240, 720))
    assert near(boxes[1], (1440, 720, 840))


def test_a_face_in_the_shade_is_found(drawn_scene):
    photo = drawn_scene([(40, 40, 120), (240, 120, 140)])
    photo[:, :200] //= 10
    boxes = find_faces(photo)
    assert len(boxes) == 2
    assert near(boxes[0], (40, 40, 120))


@pytest.mark.parametrize("corner", [(-24, 60), (100, -30), (270, 60)])
def test_a_face_that_the_edge_cuts_is_found(drawn_scene, corner):
    (box,) = find_faces(drawn_scene([(*corner, 160)]))  # up to a fifth of it is outside
    assert near(box, (*corner, 160))


def test_a_face_that_fills_a_small_picture_is_found(drawn_scene):
    photo = drawn_scene([(0, 0, 64)], width=64, height=64)
    (box,) = find_faces(photo)
    assert near(box, (0, 0, 64))


def test_overlap_is_intersection_over_union():
    assert overlap((0, 0, 2, 2), (1, 1, 2, 2)) == pytest.approx(1 / 7)
    assert overlap((0, 0, 2, 2), (2, 0, 2, 2)) == 0
    assert overlap((5, 6, 3, 3), (5, 6, 3, 3)) == 1
