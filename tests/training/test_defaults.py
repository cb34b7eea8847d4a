"""Which recipe a run gets that asks for none."""

import dataclasses

import pytest

from fer_keras.config import MANY, Settings
from fer_keras.training.defaults import for_so_many


def changed(settings, given=(), images=MANY):
    """Return what the recipe for many images has changed."""
    after, before = for_so_many(settings, given, images).to_json(), settings.to_json()
    return {name: value for name, value in after.items() if value != before[name]}


RECIPE = {"optimizer": "sgd", "batch_size": 128, "weight_decay": 0.005, "label_smoothing": 0.1, "coarse_epochs": 30}


def test_many_images_get_the_measured_recipe():
    assert changed(Settings()) == RECIPE
    assert for_so_many(Settings(), (), MANY).peak_learning_rate == 0.1


def test_few_images_keep_what_suits_them():
    assert changed(Settings(), images=MANY - 1) == {}


def test_a_network_for_48x48_alone_gets_no_coarse_epochs():
    assert "coarse_epochs" not in changed(Settings(arch="cnn4"))


@pytest.mark.parametrize("name", RECIPE)
def test_what_was_asked_for_stays_even_where_it_is_the_default(name):
    settings = Settings()
    assert getattr(for_so_many(settings, {name}, MANY), name) == getattr(settings, name)
    assert set(changed(settings, {name})) == set(RECIPE) - {name}


def test_trained_weights_are_not_undone_by_a_high_rate():
    assert changed(Settings(init_from="pretrained")) == {}


@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_some_epochs_are_left_at_full_size(epochs):
    settings = for_so_many(dataclasses.replace(Settings(), epochs=epochs), (), MANY)
    assert settings.coarse_epochs < settings.epochs
