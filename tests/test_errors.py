import pytest

from fer_keras.errors import near_miss, unknown_name

LAYERS = [f"{kind}{number}" for kind in ("conv2d", "activation") for number in ("", *(f"_{i}" for i in range(1, 25)))]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("conv24", "conv2d_24"),
        ("conv_4", "conv2d_4"),
        ("conv2d24", "conv2d_24"),
        ("activaton_3", "activation_3"),
        ("conv2d_25", "conv2d_24"),
        ("activation_0", "activation_1"),
    ],
)
def test_the_nearest_name_is_offered_and_numbers_count(typed, meant):
    assert near_miss(typed, LAYERS) == f" Did you mean '{meant}'?"


@pytest.mark.parametrize(("typed", "meant"), [("--val", "--val-fraction"), ("ten", "ten-crop"), ("cam", "grad-cam")])
def test_a_name_is_known_by_a_part_of_it(typed, meant):
    assert (
        near_miss(typed, ["none", "--split", "grad-cam", "--val-fraction", "ten-crop"]) == f" Did you mean '{meant}'?"
    )


def test_nothing_is_offered_where_nothing_is_near():
    assert near_miss("zzz", LAYERS) == near_miss("9" * 5000, LAYERS) == ""
    assert near_miss("cats", ["angry", "calm", "happy"]) == near_miss("--bogus", ["--epochs", "--folds"]) == ""
    assert str(unknown_name("layer", "zzz", ["a", "b"])) == "no layer 'zzz'. Expected one of: a, b"


def test_a_hundred_names_are_listed_only_where_none_of_them_is_near():
    near = "no layer 'conv2d_25'. Did you mean 'conv2d_24'? Expected one of 50 layers"
    assert str(unknown_name("layer", "conv2d_25", LAYERS)) == near
    assert str(unknown_name("layer", "zzz", LAYERS)).endswith(", activation_24")
