"""Which recipe a run gets that asks for none."""

import dataclasses

import pytest

from fer_keras.config import MANY, Settings
from fer_keras.errors import UserError
from fer_keras.training.defaults import in_force


def changed(settings, given=(), images=MANY):
    """Return what the recipe for many images has changed, beside what is left to no later version."""
    after = in_force(settings, given, images).to_json()
    before = in_force(settings, given, 0).to_json()
    return {name: value for name, value in after.items() if value != before[name]}


RECIPE = {
    "optimizer": "muon",
    "learning_rate": 0.1,
    "batch_size": 128,
    "weight_decay": 0.005,
    "label_smoothing": 0.1,
    "coarse_epochs": 30,
    "augment": "progressive",
    "early_stop": 0,
}


def test_many_images_get_the_measured_recipe():
    assert changed(Settings()) == RECIPE


def test_few_images_keep_what_suits_them():
    assert changed(Settings(), images=MANY - 1) == {}


def test_a_network_for_48x48_alone_gets_no_coarse_epochs():
    assert "coarse_epochs" not in changed(Settings(arch="cnn4"))


@pytest.mark.parametrize("name", ["batch_size", "weight_decay", "label_smoothing", "early_stop", "augment"])
def test_what_was_asked_for_stays_even_where_it_is_the_default(name):
    assert set(changed(Settings(), {name})) == set(RECIPE) - {name}


def test_augmentation_has_no_coarse_epochs_to_follow_where_none_were_asked_for():
    assert set(changed(Settings(), {"coarse_epochs"})) == set(RECIPE) - {"coarse_epochs", "augment"}
    assert changed(Settings(coarse_epochs=9), {"coarse_epochs"})["augment"] == "progressive"


@pytest.mark.parametrize("other", [{"epochs": 33}, {"arch": "resblock"}, {"arch": "cnn4"}])
def test_augmentation_stays_as_it_was_where_no_other_was_measured(other):
    assert "augment" in changed(Settings(epochs=34))
    assert "augment" not in changed(Settings(**other), {*other})


def test_augmentation_that_follows_coarse_epochs_needs_some():
    asked, given = Settings(augment="progressive", arch="cnn4"), {"augment", "arch"}
    with pytest.raises(UserError, match=r"progressive: expected coarse epochs, received none\. Take --augment strong$"):
        in_force(asked, given, MANY)
    assert in_force(Settings(augment="progressive"), {"augment"}, MANY).augment == "progressive"
    with pytest.raises(UserError, match=r"Take --augment strong, or give some with --coarse-epochs$"):
        in_force(Settings(augment="progressive"), {"augment"}, 100)


@pytest.mark.parametrize("name", ["optimizer", "learning_rate"])
def test_a_rate_or_an_optimizer_asked_for_keeps_the_other_and_the_decay_to_match(name):
    assert set(changed(Settings(), {name})) == set(RECIPE) - {"optimizer", "learning_rate", "weight_decay"}


@pytest.mark.parametrize("name", ["sgd", "muon"])
def test_sgd_or_muon_asked_for_has_the_recipes_decay(name):
    settings = in_force(Settings(optimizer=name, learning_rate=0.03), {"optimizer", "learning_rate"}, MANY)
    assert (settings.optimizer, settings.learning_rate, settings.weight_decay) == (name, 0.03, 0.005)


@pytest.mark.parametrize("images", [1, MANY])
def test_adamw_decays_weights_unless_told_otherwise(images):
    asked = Settings(optimizer="adamw")
    assert in_force(asked, {"optimizer"}, images).weight_decay == 0.004
    assert in_force(asked, {"optimizer", "weight_decay"}, images).weight_decay == 0


def test_fine_tuning_by_adamw_needs_a_decay():
    asked = Settings(fine_tune_epochs=1, fine_tune_optimizer="adamw")
    with pytest.raises(UserError, match="adamw without a --weight-decay is adam"):
        in_force(asked, {"fine_tune_optimizer"}, 1)
    assert in_force(asked, {"fine_tune_optimizer"}, MANY).weight_decay == 0.005


def test_trained_weights_are_not_undone_by_a_high_rate():
    assert changed(Settings(init_from=("pretrained",))) == {}


def test_what_teachers_say_is_smooth_already():
    assert set(changed(Settings(teachers=("a",)))) == set(RECIPE) - {"label_smoothing"}


@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_some_epochs_are_left_at_full_size(epochs):
    settings = in_force(dataclasses.replace(Settings(), epochs=epochs), (), MANY)
    assert settings.coarse_epochs < settings.epochs


def test_nothing_is_left_to_a_default_of_another_version():
    settings = in_force(Settings(arch="cnn4"), (), 0)
    assert settings.learning_rate == 0.001 and settings.dropout == 0.5


@pytest.mark.parametrize("images", [0, MANY])
def test_a_run_that_keeps_its_last_epoch_goes_on_to_it(images):
    assert in_force(Settings(keep="last"), {"keep"}, images).early_stop == 0
