import numpy as np
import pytest
from PIL import Image

from fer_keras.config import TTA
from fer_keras.emotions import EMOTIONS
from fer_keras.inference import predict_probabilities, views


class PixelNetwork:
    """Says how bright one pixel is: probability p = value / 255 for `happy`, the rest for `sad`."""

    def __init__(self, row, column):
        self.row, self.column, self.calls = row, column, []

    def predict(self, x, *, batch_size, verbose, callbacks):
        assert x.dtype == np.float32 and x.shape[1:] == (48, 48, 1)
        self.calls.append(callbacks)
        probabilities = np.zeros((len(x), 7), np.float32)
        bright = x[:, self.row, self.column, 0] / 255
        probabilities[:, EMOTIONS.index("happy")] = bright
        probabilities[:, EMOTIONS.index("sad")] = 1 - bright
        return probabilities


def happy(probabilities):
    return probabilities[:, EMOTIONS.index("happy")]


@pytest.mark.parametrize("tta", TTA)
def test_every_kind_keeps_the_order_of_the_images(tta):
    values = np.array([10, 200, 90, 255, 0], np.uint8)
    images = np.broadcast_to(values[:, None, None], (5, 48, 48))
    probabilities = predict_probabilities(PixelNetwork(7, 11), images, tta=tta)
    assert probabilities.dtype == np.float32 and probabilities.shape == (5, 7)
    np.testing.assert_allclose(happy(probabilities), values / 255, atol=1e-6)


def test_without_augmentation_the_network_speaks_for_itself_bit_for_bit():
    images = np.random.default_rng(0).integers(0, 256, (9, 48, 48), dtype=np.uint8)
    network = PixelNetwork(3, 5)
    alone = network.predict(images.astype(np.float32)[..., None], batch_size=1, verbose=0, callbacks=[])
    assert np.array_equal(predict_probabilities(network, images), alone)


@pytest.mark.parametrize(("images", "parts"), [(9, 2), (8, 2), (7, 3), (1, 4)])
def test_batches_can_be_dealt_into_equal_parts(images, parts):
    class Dealt(PixelNetwork):
        def predict(self, x, *, batch_size, **options):
            assert len(x) % parts == 0 and batch_size % parts == 0
            return super().predict(x, batch_size=batch_size, **options)

    faces = np.random.default_rng(0).integers(0, 256, (images, 48, 48), dtype=np.uint8)
    for tta in ("none", "flip"):
        whole = predict_probabilities(PixelNetwork(3, 5), faces, tta=tta)
        assert np.array_equal(predict_probabilities(Dealt(3, 5), faces, tta=tta, parts=parts), whole)


def test_flip_is_the_mean_with_the_mirror_image_left_and_right():
    image = np.zeros((1, 48, 48), np.uint8)
    image[0, 3, 5], image[0, 3, 42] = 255, 51  # the second is where the first one's mirror image lies
    probabilities = predict_probabilities(PixelNetwork(3, 5), image, tta="flip")
    np.testing.assert_allclose(happy(probabilities), (1 + 0.2) / 2, atol=1e-6)
    upside_down = predict_probabilities(PixelNetwork(44, 5), image, tta="flip")
    assert happy(upside_down) == 0


def test_ten_crop_enlarges_the_centre_and_the_corners_and_mirrors_each():
    image = np.random.default_rng(1).integers(0, 256, (1, 48, 48), dtype=np.uint8)
    expected = []
    for top, left in ((1, 1), (0, 0), (0, 2), (2, 0), (2, 2)):
        crop = Image.fromarray(image[0, top : top + 46, left : left + 46].astype(np.float32))
        enlarged = np.asarray(crop.resize((48, 48), Image.Resampling.BILINEAR))
        expected += [enlarged, np.fliplr(enlarged)]
    found = [view[0] for view in views(image, "ten-crop")]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_ten_crop_is_the_mean_of_its_views():
    image = np.random.default_rng(2).integers(0, 256, (1, 48, 48), dtype=np.uint8)
    expected = np.mean([view[0, 20, 30] / 255 for view in views(image, "ten-crop")])
    np.testing.assert_allclose(
        happy(predict_probabilities(PixelNetwork(20, 30), image, tta="ten-crop")), expected, atol=1e-6
    )


@pytest.mark.parametrize("tta", TTA)
def test_the_number_of_views_is_told_before_they_are_predicted(tta):
    network, watch = PixelNetwork(0, 0), object()
    predict_probabilities(network, np.zeros((2, 48, 48), np.uint8), tta=tta, callbacks=[watch])
    assert network.calls == [[watch]] * TTA[tta]


def test_no_images_give_no_probabilities():
    assert predict_probabilities(PixelNetwork(0, 0), np.zeros((0, 48, 48), np.uint8)).shape == (0, 7)
