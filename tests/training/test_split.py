"""What a run leaves out before it is split, and what its record says of it."""

import dataclasses

import numpy as np
import pytest

from fer_keras.config import Settings
from fer_keras.data import protocol
from fer_keras.data.synthetic import synthetic_faces
from fer_keras.errors import UserError
from fer_keras.training.split import choose_split


def test_photographs_of_another_split_are_left_out_and_that_is_recorded(tmp_path):
    drawn = synthetic_faces(training=28, public=14, private=14)
    images = drawn.images.copy()
    images[30], images[50] = np.roll(images[3], 2, axis=1), images[5]  # PublicTest and PrivateTest have two of Training
    faces = dataclasses.replace(drawn, images=images, source="faces.csv")
    whole = choose_split(faces, Settings(), str(tmp_path))
    split = choose_split(faces, Settings(drop_copies=True), str(tmp_path))
    gone = {faces.ids[3], faces.ids[5]}
    assert split.training.ids.tolist() == [name for name in whole.training.ids.tolist() if name not in gone]
    assert split.validation.ids.tolist() == whole.validation.ids.tolist()
    assert split.record["training"] == 26
    assert split.record["rule"].endswith(" Left out, since another split has their photographs: 2 training images.")
    assert "Left out" not in whole.record["rule"]
    parts = choose_split(faces, Settings(drop_copies=True, folds=2), str(tmp_path))
    assert len(parts.training) + len(parts.validation) == 26
    assert (
        " Left out for the first, since another split or the part held out has their photographs: 2 training"
        in (parts.record["rule"])
    )


def test_drawn_faces_are_refused_without_a_search(tmp_path, monkeypatch):
    monkeypatch.setattr(protocol, "near_copies", lambda *_: pytest.fail("searched"))
    with pytest.raises(UserError, match="--drop-copies: expected photographs"):
        choose_split(synthetic_faces(training=7, public=7, private=7), Settings(drop_copies=True), str(tmp_path))
