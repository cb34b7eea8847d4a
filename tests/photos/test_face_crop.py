import numpy as np

from fer_keras.data.synthetic import draw_faces
from fer_keras.photos.crop import face_crop
from fer_keras.photos.detect import Box


def test_a_face_pasted_into_a_photo_comes_back_pixel_for_pixel():
    face = draw_faces(np.array([3]), seed=0).images[0]
    photo = np.full((100, 150), 77, np.uint8)
    photo[20:68, 30:78] = face
    crop = face_crop(photo, Box(x=30, y=20, width=48, height=48))
    assert crop.dtype == np.uint8
    np.testing.assert_array_equal(crop, face)


def test_the_box_is_the_crop_without_any_margin():
    photo = np.zeros((300, 400), np.uint8)
    photo[50:170, 200:320] = 255  # a bright square just as large as the box
    crop = face_crop(photo, Box(x=200, y=50, width=120, height=120))
    np.testing.assert_array_equal(crop, np.full((48, 48), 255))
    wider = face_crop(photo, Box(x=190, y=40, width=140, height=140))
    assert wider[:3].max() == wider[-3:].max() == wider[:, :3].max() == wider[:, -3:].max() == 0
    assert wider[5:-5, 5:-5].min() == 255


def test_a_large_face_is_averaged_and_not_sampled():
    rows, columns = np.mgrid[:600, :600]
    photo = ((rows + columns) % 2 * 255).astype(np.uint8)  # each pixel black or white
    crop = face_crop(photo, Box(x=60, y=60, width=480, height=480)).astype(int)
    assert np.abs(crop - 127.5).max() <= 1


def test_a_small_face_is_enlarged_in_place():
    photo = np.tile(np.arange(0, 200, 2, dtype=np.uint8), (100, 1))  # gray = 2 x
    crop = face_crop(photo, Box(x=40, y=10, width=24, height=24)).astype(float)
    expected = 2 * (40 + (np.arange(48) + 0.5) / 2 - 0.5)  # the centre of each pixel
    np.testing.assert_allclose(crop[:, 2:-2], np.tile(expected[2:-2], (48, 1)), atol=0.6)


def test_beyond_the_edge_the_outermost_pixels_are_repeated():
    photo = np.arange(100, dtype=np.uint8)[:, np.newaxis] + np.zeros((1, 80), np.uint8)  # gray = y
    photo[:, 0] = 200
    crop = face_crop(photo, Box(x=-24, y=-8, width=48, height=48))
    assert np.all(crop[:, :25] == 200)
    np.testing.assert_array_equal(crop[:, 30], [0] * 8 + list(range(40)))
    bottom = face_crop(photo, Box(x=20, y=90, width=48, height=48))
    np.testing.assert_array_equal(bottom[:, 0], list(range(90, 100)) + [99] * 38)
