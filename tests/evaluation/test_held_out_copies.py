"""Photographs that runs have seen in another form, among the images that they are evaluated on."""

import numpy as np
import pytest
from PIL import Image

from fer_keras.data.source import read_faces
from fer_keras.emotions import EMOTIONS
from fer_keras.evaluation.held_out import hold_out
from fer_keras.files import write_text
from tests.data.made_faces import parted

ALL = ("Training", "PublicTest", "PrivateTest")


def test_a_photograph_that_was_trained_on_is_known_again_where_no_pixel_is_equal(with_copies, candidate_of):
    run = candidate_of(with_copies)
    held = hold_out([run], find_copies=True)
    assert held.leaked.tolist() == [False] * 13 + [True]
    assert held.copied.tolist() == [False] * 12 + [True, True]
    assert hold_out([run]).copied is None  # who does not ask does not wait


def test_what_is_known_of_an_image_stays_with_it_in_a_sample(with_copies, candidate_of):
    run = candidate_of(with_copies)
    held = hold_out([run])
    same, moved = held.faces.ids[[-1, -2]]  # a Training face as it is, and one moved by two pixels
    samples = [hold_out([run], limit=7, seed=seed, find_copies=True) for seed in range(4)]
    for few in samples:
        assert len(few.faces) == 7
        assert few.leaked.tolist() == [name == same for name in few.faces.ids]
        assert few.copied.tolist() == [name in (same, moved) for name in few.faces.ids]
    assert {same in few.faces.ids for few in samples} == {True, False}, "these seeds show nothing"


def test_images_that_chose_the_epoch_are_among_the_copies_though_none_trained_a_run(csv_of, candidate_of):
    held = hold_out([candidate_of(csv_of("Training", "PublicTest"), limit=14)], find_copies=True)
    assert held.leaked.sum() == 14 and held.copied[held.leaked].all()


def test_images_that_all_chose_the_epoch_are_looked_for_in_training_alone(csv_of, candidate_of, drawn, monkeypatch):
    searched = []
    monkeypatch.setattr(
        "fer_keras.evaluation.held_out.near_copies",
        lambda images, references: searched.append(len(references)) or np.full((len(images), 8), -1),
    )
    hold_out([candidate_of(csv_of("Training", "PublicTest"))], split="PublicTest", find_copies=True)
    assert searched == [len(drawn.split("Training"))]


@pytest.mark.parametrize(
    ("split", "told", "selected_on"),
    [
        ("PublicTest", "in another form, chose the epoch of run", True),
        ("Training", "trained on in another form", False),
    ],
)
def test_images_that_were_seen_and_are_saved_anew_are_no_clean_test(
    csv_of, candidate_of, drawn, tmp_path, split, told, selected_on
):
    run, folder = candidate_of(csv_of("Training", "PublicTest")), tmp_path / "anew"
    faces = drawn.split(split)
    for i, (image, label) in enumerate(zip(faces.images, faces.labels, strict=True)):
        for part, pixels in (("test", image), ("train", 255 - image)):  # its own Training is of other pictures
            path = folder / part / EMOTIONS[label] / f"{i}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path, quality=90)
    held = hold_out([run], data=str(folder), find_copies=True)
    assert held.split == "PrivateTest" and not held.leaked.any() and held.copied.mean() > 0.9
    assert any(told in warning for warning in held.warnings) and held.selected_on is selected_on
    assert "no part" not in held.reason
    assert "no part" not in hold_out([run], data=str(folder)).reason  # who has not looked promises nothing


def test_copies_are_of_what_really_trained_the_runs(with_copies, candidate_of, drawn):
    whole, original = read_faces(with_copies), drawn.split("Training").images[3]
    runs, trained = [], []
    for seed in (4, 5):
        settings = {"validation_split": "Training", "val_fraction": 0.5, "seed": seed, "keep": "last"}
        runs.append(candidate_of(with_copies, f"seed{seed}", **settings))
        training, _ = parted(whole, val_fraction=0.5, seed=seed)
        trained.append((training.images == original).all(axis=(1, 2)).any())
    assert {*trained} == {True, False}, "these seeds show nothing"
    assert [hold_out([run], split="PrivateTest", find_copies=True).copied[-2] for run in runs] == trained
    chosen = candidate_of(with_copies, "chosen", **settings | {"seed": 4 + trained.index(False), "keep": "best"})
    assert hold_out([chosen], split="PrivateTest", find_copies=True).copied[-2]  # it chose the epoch of that one
    for order in (runs, runs[::-1]):  # of several, by any of them
        assert hold_out(order, split="PrivateTest", find_copies=True).copied[-2]


def test_copies_are_not_looked_for_where_that_says_nothing(with_copies, csv_of, candidate_of):
    run = candidate_of(with_copies)
    assert hold_out([run], split="Training", find_copies=True).copied.all()
    with_copies.unlink()
    other = str(csv_of("PrivateTest", name="other.csv"))
    assert hold_out([run], data=other, find_copies=True).copied is None  # who knows?


def test_a_split_of_photographs_that_training_has_is_not_said_to_have_taken_no_part(csv_of, candidate_of, drawn):
    data = csv_of(*ALL)
    lines = data.read_text().splitlines()
    moved = [np.roll(image, (2, -1), (0, 1)) for image in drawn.split("Training").images[:14]]
    lines[-14:] = [f"{i % 7},{' '.join(map(str, image.ravel()))},PrivateTest" for i, image in enumerate(moved)]
    write_text(data, "\n".join(lines) + "\n")
    held = hold_out([candidate_of(data)], find_copies=True)
    assert not held.leaked.any() and held.copied.all() and "took no part" not in held.reason


def test_nothing_is_looked_for_among_no_images(csv_of, candidate_of, monkeypatch):
    asked = []

    def search(images, references):
        asked.append(len(references))
        return np.full((len(images), 8), -1)

    monkeypatch.setattr("fer_keras.evaluation.held_out.near_copies", search)
    run = candidate_of(csv_of(*ALL), validation_split="", keep="last")
    assert not hold_out([run], split="PublicTest", find_copies=True).copied.any() and asked == [70]


def test_what_all_images_chose_is_not_said_to_have_been_left_out(csv_of, candidate_of):
    chose = hold_out([candidate_of(csv_of(*ALL))], split="PublicTest", find_copies=True)
    other = hold_out([candidate_of(csv_of(*ALL), "b")], split="PrivateTest", find_copies=True)
    assert chose.copied_before.startswith("that were seen in training, or whose photograph")
    assert other.copied_before.startswith("that were seen, or whose photograph")
