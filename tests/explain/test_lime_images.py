"""LIME against the package's own `explain_instance`, and on a model that reads one superpixel."""

import keras
import numpy as np
import pytest
from lime.lime_image import LimeImageExplainer
from sklearn.linear_model import Ridge

from fer_keras.errors import UserError
from fer_keras.explain.lime_images import (
    SEGMENTATIONS,
    Lime,
    LimeExplanation,
    explain_image,
    left_out_r_squared,
    perturbed_images,
    sample_visibility,
    superpixels,
)


def face(seed=0):
    """Return a picture with edges: a bright ellipse with dark eyes and mouth, and noise."""
    y, x = np.indices((48, 48))
    image = np.where(((x - 23.5) / 17) ** 2 + ((y - 24) / 22) ** 2 < 1, 170.0, 60.0)
    for cx, cy in ((16, 18), (31, 18)):
        image[((x - cx) / 4) ** 2 + ((y - cy) / 2.5) ** 2 < 1] = 40
    image[((x - 23.5) / 8) ** 2 + ((y - 37) / 3) ** 2 < 1] = 90
    return (image + np.random.default_rng(seed).normal(0, 8, (48, 48))).clip(0, 255).astype(np.float32)


def softmax_of_pixels(images):
    """Return probabilities (n, 7) of a fixed random linear model of gray images (n, 48, 48)."""
    weights = np.random.default_rng(9).normal(size=(48 * 48, 7)) / 4000
    scores = images.reshape(len(images), -1) @ weights
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


def plain_lime(image, predict, segments, **options):
    """Return lime's own explanation: (weights by superpixel, intercept) of each label, in lime's order."""
    explanation = LimeImageExplainer(random_state=3).explain_instance(
        image, lambda batch: predict(batch[..., 0]), segmentation_fn=lambda _: segments, random_seed=0, **options
    )
    labels = list(explanation.local_exp) if not options.get("top_labels") else explanation.top_labels
    weights = [[dict(explanation.local_exp[k])[s] for s in range(segments.max() + 1)] for k in labels]
    return labels, np.array(weights), [explanation.intercept[k] for k in labels]


def test_weights_are_those_of_explain_instance():
    image = face()
    segments = superpixels(image)
    labels, weights, intercepts = plain_lime(image, softmax_of_pixels, segments, top_labels=3, num_samples=200)
    found = explain_image(softmax_of_pixels, image, segments, top_labels=3, num_samples=200, seed=3)
    np.testing.assert_array_equal(found.labels, labels)
    # lime hides behind float32 means, hence not closer
    np.testing.assert_allclose(found.weights, weights, atol=1e-6)
    np.testing.assert_allclose(found.intercepts, intercepts, atol=1e-6)
    np.testing.assert_allclose(found.probabilities, softmax_of_pixels(image[None])[0])


def test_a_model_that_reads_one_superpixel_is_found_out():
    image = face()
    segments = superpixels(image)
    wanted = int(segments[18, 16])  # an eye
    inside = segments == wanted

    def predict(images):  # does the superpixel have its structure still?
        contrast = images[:, inside].std(axis=1)
        shown = np.clip(contrast / image[inside].std(), 0, 1)
        return np.stack([shown, 1 - shown], axis=1)

    found = explain_image(predict, image, segments, num_samples=300)
    assert found.labels.tolist() == [0] and np.abs(found.weights[0]).argmax() == wanted
    assert found.weights[0, wanted] > 0.9 and np.abs(np.delete(found.weights[0], wanted)).max() < 0.05
    assert found.r_squared[0] > 0.98
    np.testing.assert_array_equal(found.signs(num_superpixels=1), inside)
    np.testing.assert_allclose(found.map()[inside], found.weights[0, wanted], rtol=1e-6)
    against = explain_image(predict, image, segments, [1], num_samples=300)
    np.testing.assert_array_equal(against.signs(num_superpixels=1), -1 * inside)
    assert not (against.signs(positive_only=True, num_superpixels=50) < 0).any()


def test_superpixels_for_the_class_are_counted_among_themselves():
    """The one of largest weight speaks against the class: where it is not shown it takes no place from the others."""
    columns = np.broadcast_to(np.arange(48) // 16, (48, 48))  # three superpixels: left, middle, right
    one = LimeExplanation(
        image=face(),
        segments=columns,
        labels=np.array([3]),
        weights=np.array([[-0.3, 0.1, 0.2]]),
        intercepts=np.array([0.5]),
        r_squared=np.array([0.9]),
        probabilities=np.eye(7)[3],
    )
    np.testing.assert_array_equal(one.signs(num_superpixels=2), np.array([-1, 0, 1])[columns])
    np.testing.assert_array_equal(one.signs(num_superpixels=2, positive_only=True), np.array([0, 1, 1])[columns])
    np.testing.assert_array_equal(one.signs(num_superpixels=1, positive_only=True), np.array([0, 0, 1])[columns])


def test_r_squared_is_of_samples_left_out_of_the_regression():
    """Beside as many regressions as there are samples, each fitted to all but one."""
    rng = np.random.default_rng(4)
    visible, sample_weights = rng.integers(0, 2, (25, 6)), rng.uniform(0.2, 1, 25)
    targets = np.stack([visible @ rng.normal(size=6) + rng.normal(size=25), rng.normal(size=25)], axis=1)
    everything = Ridge(alpha=1).fit(visible, targets, sample_weights)
    found = left_out_r_squared(visible, targets, sample_weights, everything.coef_, everything.intercept_)

    foretold, means = np.empty((2, 25, 2))
    for i in range(25):
        rest = np.arange(25) != i
        fitted = Ridge(alpha=1).fit(visible[rest], targets[rest], sample_weights[rest])
        foretold[i] = fitted.predict(visible[i : i + 1])[0]
        means[i] = np.average(targets[rest], axis=0, weights=sample_weights[rest])
    errors, spread = (sample_weights @ (targets - one) ** 2 for one in (foretold, means))
    np.testing.assert_allclose(found, 1 - errors / spread)
    assert found[1] < 0, "noise is not foretold, however well it is fitted"
    constant = np.full((25, 1), 0.3)
    assert left_out_r_squared(visible, constant, sample_weights, np.zeros((1, 6)), np.array([0.3])).tolist() == [0]


def test_few_samples_do_not_flatter():
    """Answers that have nothing to do with what is hidden: a fit to 40 samples explains most of them all the same."""
    noise = np.random.default_rng(1)

    def predict(images):
        one = noise.uniform(size=len(images))
        return np.stack([one, 1 - one], axis=1)

    found = explain_image(predict, face(), superpixels(face()), [0], num_samples=40)
    assert found.r_squared[0] < 0


def test_hidden_superpixels_are_flat_and_shown_ones_untouched():
    image, segments = face(), superpixels(face())
    visible = sample_visibility(segments, 20, seed=1)
    assert visible[0].all() and 0.3 < visible[1:].mean() < 0.7
    samples = perturbed_images(image, segments, visible)
    assert samples.shape == (20, 48, 48) and samples.dtype == np.float32
    np.testing.assert_array_equal(samples[0], image)
    for sample, row in zip(samples, visible, strict=True):
        for number, shown in enumerate(row):
            inside = segments == number
            expected = image[inside] if shown else np.full(inside.sum(), image[inside].mean())
            np.testing.assert_allclose(sample[inside], expected, rtol=1e-5)


def test_images_are_perturbed_batch_by_batch_and_explained_as_all_at_once():
    image, segments, sizes = face(), superpixels(face()), []

    def of_a_batch(images):
        sizes.append(len(images))
        return softmax_of_pixels(images)

    def of_all(images):  # one array of all samples, in as large passes through the network
        return np.concatenate([softmax_of_pixels(images[start : start + 16]) for start in range(0, len(images), 16)])

    options = {"num_samples": 50, "top_labels": 2}
    batches = explain_image(of_a_batch, image, segments, batch_size=16, **options)
    assert sizes == [16, 16, 16, 2]
    at_once = explain_image(of_all, image, segments, batch_size=50, **options)
    for name in ("labels", "weights", "intercepts", "r_squared", "probabilities"):
        np.testing.assert_array_equal(getattr(batches, name), getattr(at_once, name))


@pytest.mark.parametrize("segmentation", SEGMENTATIONS)
def test_superpixels_are_numbered_from_zero_without_gaps(segmentation):
    for image in (face(), face(1)[::-1], np.full((48, 48), 128, np.uint8)):
        segments = superpixels(image, segmentation, seed=2)
        assert segments.shape == (48, 48)
        assert np.unique(segments).tolist() == list(range(segments.max() + 1))
        assert segments.max() >= 7, "a small image is not one superpixel"
        np.testing.assert_array_equal(segments, superpixels(image, segmentation, seed=2))


def tiny_network():
    keras.utils.set_random_seed(0)
    image = keras.Input((48, 48, 1))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(3, 5, strides=4, activation="relu")(x)
    x = keras.layers.Dense(7, name="logits")(keras.layers.Flatten()(x))
    return keras.Model(image, keras.layers.Activation("softmax", name="predictions")(x))


def test_a_network_is_explained_as_explain_instance_does():
    model, image = tiny_network(), face()
    found = Lime(model, num_samples=60, seed=3, batch_size=50).explanations(image[None], top_labels=2)[0]

    def predict(images):
        return model.predict(images[..., None], verbose=0)

    labels, weights, _ = plain_lime(image, predict, found.segments, top_labels=2, num_samples=60, batch_size=60)
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_allclose(found.weights, weights, atol=1e-5)


def test_an_image_is_explained_alike_in_any_company():
    model, images = tiny_network(), np.stack([face(0), face(1)]).astype(np.uint8)
    calls = []
    lime = Lime(model, num_samples=40, seed=5)
    both = lime.explanations(images, progress=lambda *done: calls.append(done))
    alone = lime.explanations(images[1:])[0]
    np.testing.assert_array_equal(both[1].weights, alone.weights)
    assert calls == [(1, 2), (2, 2)]
    other = Lime(model, num_samples=40, seed=6).explanations(images[1:])[0]
    assert not np.allclose(other.weights, alone.weights)
    np.testing.assert_array_equal(lime.explain(images), [one.map() for one in both])


def test_mistakes_are_told():
    with pytest.raises(UserError, match="Did you mean 'quickshift'"):
        superpixels(face(), "quickshfit")
    with pytest.raises(UserError, match="Did you mean 'quickshift'"):
        Lime(tiny_network(), segmentation="quickshfit")
    with pytest.raises(UserError, match="num_samples"):
        explain_image(softmax_of_pixels, face(), superpixels(face()), num_samples=1)
