"""Which images are explained: the right ones, the most frequent mistakes, and sentences about what is missing."""

import numpy as np
import pytest

from fer_keras.emotions import EMOTIONS
from fer_keras.errors import UserError
from fer_keras.explanations.selection import every_image, select_images

ANGRY, DISGUST, FEAR, HAPPY, SAD = range(5)


def split_of(*kinds):
    """Return (labels, predictions) of `count` images for each (true, predicted, count), shuffled."""
    pairs = [(true, predicted) for true, predicted, count in kinds for _ in range(count)]
    order = np.random.default_rng(0).permutation(len(pairs))
    return np.array(pairs)[order].T


def test_every_selected_image_is_of_its_kind():
    labels, predictions = split_of((HAPPY, HAPPY, 20), (SAD, SAD, 3), (SAD, HAPPY, 4), (HAPPY, ANGRY, 9))
    selection = select_images(labels, predictions, per_class=5)
    assert {label: len(images) for label, images in selection.correct.items()} == {HAPPY: 5, SAD: 3}
    assert {kind: len(images) for kind, images in selection.wrong.items()} == {(HAPPY, ANGRY): 5, (SAD, HAPPY): 4}
    for label, images in selection.correct.items():
        assert (labels[images] == label).all() and (predictions[images] == label).all()
    for (true, predicted), images in selection.wrong.items():
        assert (labels[images] == true).all() and (predictions[images] == predicted).all()
        assert len(np.unique(images)) == len(images)
    assert selection.counts[HAPPY, HAPPY] == 20 and selection.counts[HAPPY, ANGRY] == 9


def test_mistakes_are_the_five_most_frequent_kinds_in_order():
    kinds = [(FEAR, SAD, 7), (SAD, FEAR, 2), (ANGRY, SAD, 5), (HAPPY, SAD, 1), (SAD, ANGRY, 4), (DISGUST, ANGRY, 3)]
    selection = select_images(*split_of(*kinds), per_class=2)
    assert list(selection.wrong) == [(FEAR, SAD), (ANGRY, SAD), (SAD, ANGRY), (DISGUST, ANGRY), (SAD, FEAR)]


def test_the_seed_decides_and_another_seed_chooses_others():
    labels, predictions = split_of((HAPPY, HAPPY, 200))
    chosen = [select_images(labels, predictions, per_class=5, seed=seed).correct[HAPPY] for seed in (1, 1, 2)]
    first, again, other = chosen
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


def test_what_is_missing_is_said():
    whole = [(label, label, 2) for label in range(len(EMOTIONS))]
    complete = select_images(*split_of(*whole, (SAD, FEAR, 1)), per_class=1)
    assert complete.notes == ()
    notes = select_images(*split_of(*whole), per_class=1).notes
    assert len(notes) == 1 and "No mistake among the 14 images" in notes[0]
    notes = select_images(*split_of(*whole[1:], (SAD, FEAR, 1)), per_class=1, split="PublicTest").notes
    assert len(notes) == 1 and "PublicTest has no 'angry' faces" in notes[0]
    notes = select_images(*split_of(*whole[1:], (ANGRY, FEAR, 3)), per_class=1).notes
    assert len(notes) == 1 and "None of the 3 'angry' faces is classified correctly" in notes[0]


def test_a_split_without_one_correct_image_still_has_something_to_show():
    selection = select_images(*split_of((SAD, FEAR, 30)), per_class=3)
    assert selection.correct == {} and len(selection.one_of_each()) == 7
    np.testing.assert_array_equal(selection.first, np.arange(16))


def test_of_photos_every_face_is_one_to_show():
    assert every_image(12).one_of_each().tolist() == list(range(12))
    assert every_image(12, index=(3,)).one_of_each().tolist() == [3]


def test_chosen_images_come_first_and_stand_in_everything_once():
    labels, predictions = split_of((HAPPY, HAPPY, 40))
    selection = select_images(labels, predictions, per_class=2, index=(39, 3, 39))
    assert selection.chosen.tolist() == [39, 3] == selection.one_of_each().tolist()
    everything = selection.everything()
    assert set(everything) == {*range(16), 39, *selection.correct[HAPPY]} and (np.diff(everything) > 0).all()


@pytest.mark.parametrize("index", [40, 1000, -1])
def test_an_index_out_of_range_is_refused(index):
    labels, predictions = split_of((HAPPY, HAPPY, 40))
    with pytest.raises(UserError, match=f"expected 0 to 39 .*received {index}"):
        select_images(labels, predictions, per_class=2, index=(3, index))
