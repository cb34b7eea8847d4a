"""A Keras model as explanations need it: faces in, logits and the outputs of any layer out, the model untouched.

The graph of a functional or sequential model is only read. Nothing is called on its symbolic tensors, no layer gains a
node, and where the softmax is fused into the last layer, that one layer is copied without it.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from fer_keras.emotions import IMAGE_SIZE
from fer_keras.errors import UserError, unknown_name
from fer_keras.explain.folding import fold_batch_norm
from fer_keras.explain.model_graph import before_softmax, consumers, operation_tensors, producer

# To Keras the last two are no kinds of the first.
CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.SeparableConv2D, keras.layers.DepthwiseConv2D)
# Layers that pass on a picture without making another: default choices look through them at what they pass on.
_POOLING_AND_SUCH = (
    keras.layers.AveragePooling2D,
    keras.layers.Dropout,
    keras.layers.MaxPooling2D,
    keras.layers.SpatialDropout2D,
    keras.layers.ZeroPadding2D,
)
# Layers that are a nonlinearity and nothing else.
RECTIFIERS = (
    keras.layers.Activation,
    keras.layers.ELU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ReLU,
)
_BEFORE_RECTIFIERS = (
    keras.layers.Add,
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
)
_FAR_OUT = 1000.0  # so many times the gray levels of a face: whatever is not bounded leaves 0..1


class ModelAccess:
    """A classifier of pictures, taken apart: its logits, and the outputs of its layers by name.

    Takes any functional or sequential Keras model with one input, (H, W, 1) or (H, W, 3), and one output, (classes,).
    Faces of 48x48 pixels are resized to H x W and repeated over three channels where the model wants that, inside
    the graph: a gradient is always one with respect to the gray pixels of the 48x48 face.
    A model that ends in another model (`keras.Sequential([Rescaling(1 / 255), model])`) is entered, and the layers
    are those of the inner one.

    Args:
        model: a built Keras model. Its layers and weights are shared, save for a last layer with a fused softmax or
            sigmoid, whose weights are copied now.

    Attributes:
        input_shape: (H, W, channels) of the model.
        num_classes: of its output.
        stem: the models before the innermost one, in order; usually none.
        inner: the innermost model, whose layers are meant by name.

    Raises:
        UserError: the model is not of that form, gives probabilities with no softmax that could be taken away, or
            names no size and cannot take 48x48.
    """

    def __init__(self, model: keras.Model):
        _check_model(model)
        self.input_shape = tuple(side or IMAGE_SIZE for side in model.inputs[0].shape[1:])
        # Called by tensors alone: a model may name its input and its output.
        self._model = keras.Model(model.inputs[0], model.outputs[0])
        ending = before_softmax(model)
        self.stem, self.inner, self._logit_tensor = ending.stem, ending.inner, ending.tensor
        self._head, self._bounded, self._of_classes = ending.head, ending.bounded, ending.of_classes
        self._tensors = _layer_tensors(self.inner)
        _check_channels_last(self.inner)
        self._to_logits = self.model_to(self._logit_tensor)
        self.num_classes = model.outputs[0].shape[-1]
        if None in model.inputs[0].shape[1:3]:
            _check_takes_faces(self)
        if not self._bounded:
            _check_unbounded(self)

    @property
    def layers(self) -> list[str]:
        """The names of the layers, from the input to the output."""
        return list(self._tensors)

    def layer_shape(self, name: str) -> tuple[int | None, ...]:
        """Return the shape of a layer's output without the batch. UserError for an unknown layer."""
        return tuple(self.tensor(name).shape[1:])

    def spatial_layers(self) -> list[str]:
        """Return the names of the layers whose outputs are maps of more than 1x1, from the input to the output."""
        return [name for name, tensor in self._tensors.items() if _is_map(tensor)]

    def default_layer(self) -> str:
        """Return the layer that the commands look at where none is named: the last convolution whose outputs are maps.

        A layer that holds convolutions, such as a backbone, is one. In a network without any it is the last layer with
        maps, see `spatial_layer`; else the last of all.
        """
        maps = self.spatial_layers()
        convolving = [name for name in maps if _convolves(self.inner.get_layer(name))]
        if convolving:
            return convolving[-1]
        return self.spatial_layer() if maps else self.layers[-1]

    def spatial_layer(self, name: str | None = None) -> str:
        """Return `name` if that layer's outputs are maps of more than 1x1; for None the last layer of that kind.

        Pooling, dropout and padding keep what the layer before them says and count only where there is nothing else.

        Raises:
            UserError: an unknown layer, one without maps, or a model without any.
        """
        names = self.spatial_layers()
        if not names:
            raise UserError(
                "expected a model with a layer whose outputs have height and width. "
                f"Received layers: {', '.join(self.layers)}"
            )
        if name is None:
            own = [name for name in names if not isinstance(self.inner.get_layer(name), _POOLING_AND_SUCH)]
            return (own or names)[-1]
        if name not in names:
            shape = self.layer_shape(name)
            raise UserError(
                f"expected a layer whose outputs have height and width above 1x1. Received '{name}' with outputs of "
                f"shape {shape}. Expected one of: {', '.join(names)}"
            )
        return name

    def rectified_layer(self, name: str) -> str:
        """Return the activation layer that a layer's outputs go through next, if only normalised and added on the way.

        For conv2d_24 of a conv-BN-add-ReLU network that is activation_24. `name` itself where it has a ReLU, and where
        it leads to anything else, such as pooling or a ReLU that is no layer, or to several layers. UserError for an
        unknown layer.
        """
        operation, following = producer(self.tensor(name))[0], consumers(self.inner)
        while not _rectifies(operation):
            behind = following.get(operation.name, [])
            if len(behind) != 1 or not (_is_sum(behind[0]) or isinstance(behind[0], RECTIFIERS + _BEFORE_RECTIFIERS)):
                return name
            operation = behind[0]
        return operation.name

    def logits(self, faces: tf.Tensor) -> tf.Tensor:
        """Return the logits, float32 (N, classes), of faces, float32 (N, 48, 48) in 0..255. Differentiable."""
        return self._finish(self._to_logits(self.enter(faces), training=False))

    def probabilities(self, faces: tf.Tensor) -> tf.Tensor:
        """Return what the model itself says, float32 (N, classes); the softmax of it where it ends in logits."""
        outputs = tf.cast(self._model(self._as_input(faces), training=False), tf.float32)
        return outputs if self._bounded else tf.nn.softmax(outputs)

    def gives_classes(self, name: str) -> bool:
        """Tell whether a layer's outputs, (N, classes), are the logits, the model's own, or something between them:
        one number a class. UserError for an unknown layer."""
        return producer(self.tensor(name))[0].name in self._of_classes

    def folded_logits(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """Return a function that is `logits` with the weights of now, batch normalisation folded away: faster."""
        to_logits = fold_batch_norm(self._to_logits)
        return lambda faces: self._finish(to_logits(self.enter(faces), training=False))

    def layer_and_logits(self, name: str) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
        """Return a differentiable function from faces, as in `logits`, to a layer's outputs and the logits, float32.

        Both come out of one pass, so that the gradient of the second with respect to the first is that of the
        network. UserError for an unknown layer.
        """
        to_both = self.model_to([self.tensor(name), self._logit_tensor])

        def layer_and_logits(faces: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            outputs, logits = to_both(self.enter(faces), training=False)
            return outputs, self._finish(logits)

        return layer_and_logits

    def check_gradient(self, name: str | None = None) -> None:
        """Raise UserError unless a layer's outputs, or for None the logits, have a gradient with respect to the pixels.

        It may be zero; it must not be missing, as it is behind a conversion to integers.
        """
        outputs = self.model_to(self._logit_tensor if name is None else self.tensor(name))
        faces = noise_faces()[:1]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(faces)
            result = tf.reduce_sum(tf.cast(outputs(self.enter(faces), training=False), tf.float32))
        followed(tape, result, faces)

    def tensor(self, name: str) -> keras.KerasTensor:
        """Return the symbolic output of a layer of `inner`. UserError for an unknown layer."""
        if name not in self._tensors:
            raise unknown_name("layer", name, self._tensors)
        return self._tensors[name]

    def model_to(self, outputs) -> keras.Model:
        """Return a model from what `enter` returns to symbolic outputs of `inner`."""
        return keras.Model(self.inner.inputs[0], outputs)

    def enter(self, faces: tf.Tensor) -> tf.Tensor:
        """Return faces, float32 (N, 48, 48), as `inner` takes them: resized, in three channels, through the `stem`."""
        x = self._as_input(faces)
        for part in self.stem:
            x = part(x, training=False)
        return x

    def _as_input(self, faces: tf.Tensor) -> tf.Tensor:
        height, width, channels = self.input_shape
        x = faces[..., tf.newaxis]
        if (height, width) != (IMAGE_SIZE, IMAGE_SIZE):
            x = tf.image.resize(x, (height, width), antialias=True)
        if channels == 3:
            x = tf.image.grayscale_to_rgb(x)
        return x

    def _finish(self, x: tf.Tensor) -> tf.Tensor:
        return tf.cast(x if self._head is None else self._head(x), tf.float32)


def _rectifies(layer: keras.Operation) -> bool:
    fused = getattr(layer, "activation", None) in (keras.activations.relu, keras.activations.leaky_relu)
    return fused or isinstance(layer, RECTIFIERS)


def _is_sum(operation: keras.Operation) -> bool:
    """Tell whether an operation is what `x + shortcut` makes, which is no layer and has no public class."""
    return type(operation).__name__ == "Add"


def _convolves(layer: keras.Layer) -> bool:
    return any(isinstance(one, CONVOLUTIONS) for one in layer._flatten_layers())


def _check_model(model: keras.Model) -> None:
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            f"expected the TensorFlow backend. Received '{keras.backend.backend()}'. "
            "Explanations need KERAS_BACKEND=tensorflow, whatever the model was trained with"
        )
    if not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        raise UserError(
            "expected a functional or sequential Keras model with known shapes. Received a "
            f"{type(model).__name__} without symbolic inputs and outputs: its layers cannot be read"
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise UserError(
            f"expected a model with one input and one output. Received {len(model.inputs)} and {len(model.outputs)}"
        )
    shape, dtype = model.inputs[0].shape[1:], model.inputs[0].dtype
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise UserError(f"expected a model with an input of (48, 48, 1), (H, W, 1) or (H, W, 3). Received {shape}")
    if "float" not in dtype:
        raise UserError(f"expected a model with floating point inputs. Received {dtype}: it has no gradient")
    outputs = model.outputs[0].shape[1:]
    if len(outputs) != 1 or outputs[0] is None:
        raise UserError(f"expected a classifier with outputs of (classes,). Received outputs of {outputs}")


def _check_channels_last(model: keras.Model) -> None:
    """Refuse layers whose maps are (N, channels, height, width): they would be read as (N, height, width, channels)."""
    first = [layer.name for layer in model.layers if getattr(layer, "data_format", None) == "channels_first"]
    if first:
        raise UserError(
            f"expected layers with the channels last. Received '{first[0]}', which has them first: build the network "
            f"with data_format='channels_last'"
        )


def _layer_tensors(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Return the output tensor of every layer but the input by the layer's name, from the input to the output.

    `layer.output` would do for most models, but raises for a layer that another model uses too.
    """
    found = operation_tensors(model)
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    return {layer.name: found[layer.name] for layer in layers if layer.name in found}


def _is_map(tensor: keras.KerasTensor) -> bool:
    return len(tensor.shape) == 4 and tuple(tensor.shape[1:3]) != (1, 1)


def noise_faces() -> tf.Tensor:
    """Return four pictures of noise, float32 (4, 48, 48) in 0..255, always the same: to try a network on."""
    return tf.random.stateless_uniform((4, IMAGE_SIZE, IMAGE_SIZE), seed=(0, 0), maxval=255.0)


def _check_takes_faces(network: ModelAccess) -> None:
    """Refuse a network that names no size of its pictures, and is too deep for those of 48x48.

    By the shapes alone: to run a convolution whose output is empty gives what happens to lie in the memory.
    """
    face = tf.TensorSpec((1, IMAGE_SIZE, IMAGE_SIZE), tf.float32)
    try:
        tf.function(network.logits, input_signature=[face], autograph=False).get_concrete_function()
    except ValueError:
        raise UserError(
            f"expected a model whose input names its size, or that can take {IMAGE_SIZE}x{IMAGE_SIZE}. Received an "
            f"input of any size with layers that fail on {IMAGE_SIZE}x{IMAGE_SIZE}: build the model with an Input of "
            "the size that it was trained on"
        ) from None


def _check_unbounded(network: ModelAccess) -> None:
    """Refuse outputs that look like probabilities: gradients and differences of them are not those of logits.

    They sum to 1, or stay within 0..1, as those of sigmoids do, for faces that are none too. Outputs that are the same
    whatever the face, as of a last layer of zeros, tell nothing.
    """
    outputs = np.concatenate([network.logits(noise_faces() * scale).numpy() for scale in (1.0, _FAR_OUT)])
    within = (outputs >= 0).all() and (outputs <= 1 + 1e-3).all()
    shares = (abs(outputs.sum(axis=1) - 1) < 1e-3).all()
    if network.num_classes > 1 and within and (shares or np.ptp(outputs) > 0):
        raise UserError(
            "expected a model that ends in logits or in a softmax layer. Received one whose outputs stay within 0 to 1 "
            "without such a layer, as probabilities do: the logits cannot be taken"
        )


def followed(tape: tf.GradientTape, result: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
    """Return the gradient of a result with respect to pixels, or to what they are made of.

    UserError where there is none on the way.
    """
    gradient = tape.gradient(result, pixels)
    if gradient is None:
        raise UserError(
            "expected a model that can be differentiated. Received one that has no gradient with respect to the "
            "pixels, as behind a rounding or a conversion to integers"
        )
    return gradient
