"""The activation of one filter for one picture, for many filters at once, differentiable."""

from collections.abc import Sequence

import tensorflow as tf

from fer_keras.explain.layer_outputs import layer_outputs, mean_over_space
from fer_keras.explain.model_access import ModelAccess


class FilterObjective:
    """Picture i to the activation of target i: the mean over the filter's feature map.

    Args:
        network: the model; it is only read.
        targets: F pairs of a layer's name and a filter's number.
        opened: look before the layer's own nonlinearity, see `layer_outputs`: behind a ReLU that never fires there is
            no gradient to follow, and behind a softmax an emotion's share also rises where the others fall.

    Raises:
        UserError: no such layer.
    """

    def __init__(self, network: ModelAccess, targets: Sequence[tuple[str, int]], *, opened: bool = False):
        names = list(dict.fromkeys(name for name, _ in targets))
        self._outputs = layer_outputs(network, names, opened=opened)
        self._rows = [[i for i, (name, _) in enumerate(targets) if name == wanted] for wanted in names]
        self._filters = [[targets[i][1] for i in rows] for rows in self._rows]
        by_layer = [i for rows in self._rows for i in rows]
        self._as_given = [by_layer.index(i) for i in range(len(targets))]

    def __call__(self, pictures: tf.Tensor) -> tf.Tensor:
        """Return the activations, float32 (F,), of pictures, float32 (F, 48, 48), 0..255."""
        activations = []
        for output, rows, filters in zip(self._outputs(pictures), self._rows, self._filters, strict=True):
            means = mean_over_space(tf.gather(output, rows))  # (f, C)
            activations.append(tf.gather(means, filters, batch_dims=1))  # (f,)
        return tf.gather(tf.concat(activations, axis=0), self._as_given)
