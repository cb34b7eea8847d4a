"""Muon's steps against NumPy's singular value decomposition, the paper's own iteration, and Keras's SGD."""

import keras
import numpy as np
import pytest

from fer_keras.config import Settings
from fer_keras.training.muon import Muon, orthogonalised
from fer_keras.training.recipe import make_optimizer

PAPER = (3.4445, -4.7750, 2.0315)  # a, b, c of Jordan et al., who take five steps
RMS = 0.04  # of a kernel's step at a learning rate of 1, by docs/results.md
SHAPES = [(72, 16), (9, 32), (24, 24), (5, 1)]  # tall, wide (the first convolution), square, one filter


def matrix_of(shape, seed=0):
    """Return a random matrix whose singular values lie between 0.2 and 1."""
    left, values, right = np.linalg.svd(np.random.default_rng(seed).normal(size=shape), full_matrices=False)
    return (left * np.linspace(1, 0.2, len(values)) @ right).astype(np.float32)


def orthogonal(matrix):
    return keras.ops.convert_to_numpy(orthogonalised(keras.ops.convert_to_tensor(matrix)))


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_values_become_about_one_and_their_vectors_stay(shape):
    matrix = matrix_of(shape)
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    seen = left.T @ orthogonal(matrix) @ right.T
    assert np.diag(seen).min() > 0.65 and np.diag(seen).max() < 1.25
    np.testing.assert_allclose(seen - np.diag(np.diag(seen)), 0, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_is_the_papers_iteration_of_the_whole_matrix(shape):
    a, b, c = PAPER
    x = matrix_of(shape).astype(np.float64)
    x /= np.linalg.norm(x)
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    np.testing.assert_allclose(orthogonal(matrix_of(shape)), x, atol=1e-5)


def test_it_depends_on_no_scale_and_leaves_zeros():
    matrix = matrix_of((72, 16))
    np.testing.assert_allclose(orthogonal(matrix * 1e4), orthogonal(matrix), atol=1e-5)
    assert not orthogonal(np.zeros((72, 16), np.float32)).any()


def test_a_kernel_goes_along_the_orthogonal_momentum_that_looks_ahead():
    gradients = [matrix_of((18, 8), seed).reshape(3, 3, 2, 8) for seed in (1, 2)]
    kernel = keras.Variable(np.zeros((3, 3, 2, 8), np.float32))
    optimizer = Muon(learning_rate=0.5)
    steps = []
    for gradient in gradients:
        before = keras.ops.convert_to_numpy(kernel)
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [kernel])
        steps.append(keras.ops.convert_to_numpy(kernel) - before)
    first, second = gradients
    ahead = [first, second + 0.9 * (second + 0.9 * first)]
    for step, direction in zip(steps, ahead, strict=True):
        expected = -0.5 * RMS * np.sqrt(18) * orthogonal(direction.reshape(18, 8))
        np.testing.assert_allclose(step.reshape(18, 8), expected, atol=1e-6)
        assert np.sqrt(np.mean(step**2)) == pytest.approx(0.5 * RMS, rel=0.3)


@pytest.mark.parametrize("shape", [(4,), (6, 7)])  # biases and batch normalisation, a dense kernel
def test_all_else_takes_the_steps_of_sgd(shape):
    moved = []
    for optimizer in (Muon(learning_rate=0.1), keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)):
        variable = keras.Variable(np.ones(shape, np.float32))
        for seed in range(3):
            gradient = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
            optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        moved.append(keras.ops.convert_to_numpy(variable))
    np.testing.assert_array_equal(*moved)


def test_a_kernel_without_a_gradient_only_decays():
    settings = Settings(optimizer="muon", learning_rate=0.1, weight_decay=0.5, schedule="constant", warmup_epochs=0)
    optimizer = make_optimizer(settings, fine_tuning=False, epochs=1, steps_per_epoch=1, precision="float32")
    kernel = keras.Variable(np.ones((3, 3, 2, 8), np.float32), name="kernel")
    optimizer.apply([keras.ops.zeros(kernel.shape)], [kernel])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(kernel), 1 - 0.1 * 0.5, rtol=1e-6)
