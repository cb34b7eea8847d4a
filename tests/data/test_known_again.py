"""Runs know the data again that they have learned from, in a file with other images to test on."""

import dataclasses

import numpy as np
import pytest

from fer_keras.config import Settings
from fer_keras.data.faces import development_sha256
from fer_keras.data.known_again import ancestor_on, record_on
from fer_keras.provenance import Ancestor, SplitRecipe
from tests.data.made_faces import make_faces

USAGE = ["Training"] * 4 + ["PublicTest"] * 3 + ["PrivateTest"] * 2


def whole():
    faces = make_faces([0, 1, 2, 3, 4, 5, 6, 0, 1], USAGE)
    return dataclasses.replace(faces, sha256="a" * 64, development_sha256=digest(faces))


def digest(faces):
    return development_sha256(faces.images, faces.labels, faces.usage)


def ancestor(run="first", development_sha256="", **settings):
    split = SplitRecipe.of(Settings(seed=1, **settings), "c" * 64)
    return Ancestor(run, split, "PublicTest", ("PrivateTest",), development_sha256=development_sha256)


@pytest.mark.parametrize("places", [[0, 1, 2, 3, 4, 5, 6], [4, 5, 0, 1, 7, 2, 3, 6], [8, 7, 0, 1, 2, 3, 4, 5, 6]])
def test_what_is_tested_on_and_how_splits_are_mixed_changes_nothing(places):
    assert digest(whole().take(np.array(places))) == digest(whole())


@pytest.mark.parametrize("places", [[1, 0, 2, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5], [0, 1, 2, 4, 5, 6]])
def test_an_image_less_or_another_order_is_other_data(places):
    assert digest(whole().take(np.array(places))) != digest(whole())


def test_another_pixel_label_or_split_is_other_data():
    faces, others = whole(), []
    for name, value in (("images", 255), ("labels", 6), ("usage", "PublicTest")):
        array = getattr(faces, name).copy()
        array[(3, *(0,) * (array.ndim - 1))] = value
        others.append(digest(dataclasses.replace(faces, **{name: array})))
    assert len({digest(faces), *others}) == 4
    assert digest(dataclasses.replace(faces, labels=None)) == ""


def test_a_record_holds_for_data_with_the_same_to_learn_from_and_no_other():
    faces = whole()
    same, other = {"development_sha256": digest(faces)}, {"development_sha256": "b" * 64}
    before = [ancestor(run=name).to_json() for name in ("same", "other", "old")]
    del before[2]["development_sha256"]  # as older versions have recorded it
    record = {"sha256": "c" * 64, "starts_from": [before[0] | same, before[1] | other, before[2]]}
    known = record_on(record | same, faces, drop_copies=False)
    assert known["sha256"] == faces.sha256
    assert [one["split"]["sha256"][0] for one in known["starts_from"]] == ["a", "c", "c"]
    assert known["starts_from"][0]["split"]["seed"] == 1
    assert record_on(record | other, faces, drop_copies=False)["sha256"] == "c" * 64
    assert record_on(record, faces, drop_copies=False)["sha256"] == "c" * 64
    assert record["starts_from"][0]["split"]["sha256"] == "c" * 64  # what was given stays as it is


def test_what_is_not_known_is_never_the_same():
    unknown = dataclasses.replace(whole(), development_sha256="")
    assert ancestor_on(ancestor(), unknown) == ancestor()


def test_what_left_copies_of_other_splits_out_is_not_the_same_beside_other_splits():
    faces = whole()
    dropping = ancestor(drop_copies=True, development_sha256=digest(faces))
    assert ancestor_on(dropping, faces) == dropping
    record = {"sha256": "c" * 64, "development_sha256": digest(faces)}
    assert record_on(record, faces, drop_copies=True) == record
