import numpy as np
import pytest

from fer_keras.data.select import equalize
from fer_keras.evaluation import ensembles
from fer_keras.evaluation.ensembles import decide, member_probabilities
from fer_keras.evaluation.runs_to_evaluate import Member


class MeanNetwork:
    """Gives class `label` the mean brightness of the image, and the rest to the class after it."""

    def __init__(self, label):
        self.label = label

    def predict(self, x, **options):
        bright = x.mean(axis=(1, 2, 3)) / 255
        return np.stack(
            [np.where(k == self.label, bright, np.where(k == self.label + 1, 1 - bright, 0)) for k in range(7)], 1
        )


@pytest.fixture
def members(tmp_path, monkeypatch):
    """Two members, of which the second was trained on equalised images."""
    networks = {tmp_path / "0.keras": MeanNetwork(0), tmp_path / "1.keras": MeanNetwork(1)}
    monkeypatch.setattr(ensembles, "open_model", networks.__getitem__)
    return tuple(Member(f"m{i}", file, 1, equalize=i == 1) for i, file in enumerate(networks))


def test_every_member_sees_the_images_as_it_was_trained_on_them(members):
    images = np.random.default_rng(0).integers(0, 100, (5, 48, 48), dtype=np.uint8)
    probabilities = member_probabilities(members, images, tta="none")
    assert probabilities.shape == (2, 5, 7) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities[0, :, 0], images.mean(axis=(1, 2)) / 255, rtol=1e-5)
    np.testing.assert_allclose(probabilities[1, :, 1], equalize(images).mean(axis=(1, 2)) / 255, rtol=1e-5)
    assert not np.allclose(images.mean(), equalize(images).mean(), rtol=0.1)


def rows(*sevens):
    return np.array(sevens, np.float32)[:, None, :]  # (M, 1, 7)


def test_soft_and_hard_votes_differ_where_one_member_is_very_sure():
    probabilities = rows([0.9, 0.1, 0, 0, 0, 0, 0], [0.4, 0.6, 0, 0, 0, 0, 0], [0.45, 0.55, 0, 0, 0, 0, 0])
    assert decide(probabilities, "soft").predicted == [0]
    assert decide(probabilities, "hard").predicted == [1]
    np.testing.assert_allclose(decide(probabilities, "hard").probabilities[0, :2], [1.75 / 3, 1.25 / 3], rtol=1e-6)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_tie_goes_to_the_higher_summed_probability(order):
    members = ([0, 0, 0, 0.6, 0.4, 0, 0], [0, 0, 0, 0.2, 0.8, 0, 0])  # one vote each for 3 and 4, sums 0.8 and 1.2
    assert decide(rows(*(members[i] for i in order)), "hard").predicted == [4]
    members = ([0, 0, 0, 0.9, 0.1, 0, 0], [0, 0, 0, 0.4, 0.6, 0, 0])
    assert decide(rows(*(members[i] for i in order)), "hard").predicted == [3]
