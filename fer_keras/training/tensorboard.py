"""TensorBoard: Keras's own callback, and the images that a person wants to see after each epoch."""

import errno
import os
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np

from fer_keras.data.faces import Faces
from fer_keras.plots.confusion import confusion_image
from fer_keras.plots.gallery import predictions_figure
from fer_keras.plots.raster import figure_to_array
from fer_keras.training.callbacks import Validation, last_learning_rate

SAMPLES = 16  # faces of the validation set whose predictions are shown


class TensorBoard(keras.callbacks.TensorBoard):
    """Scalars, rates and weight histograms by Keras; beside them graph, confusion matrix and sample predictions.

    All go through the parent's writers: of two event files that grow at once in one folder, TensorBoard follows only
    the newer. The graph is written here because the one that Keras 3 writes, a `keras` tag without operations, is
    refused by TensorBoard's page as a malformed GraphDef.
    """

    def __init__(self, log_dir: Path, validation: Validation):
        super().__init__(log_dir=str(log_dir), histogram_freq=1, write_graph=False)
        self.validation = validation
        self.samples = _spread_over_emotions(validation.faces)

    def on_train_begin(self, logs=None):
        with self._told():
            self._begin(logs)

    def on_epoch_end(self, epoch, logs=None):
        with self._told():
            self._write_epoch(epoch, logs)

    def on_train_end(self, logs=None):
        with self._told():
            super().on_train_end(logs)

    @contextmanager
    def _told(self):
        """Raise what TensorFlow says of a full disk, or of a folder that it cannot write, as an OSError like others."""
        import tensorflow as tf

        try:
            yield
        except tf.errors.ResourceExhaustedError:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.log_dir) from None
        except (tf.errors.FailedPreconditionError, tf.errors.PermissionDeniedError, tf.errors.NotFoundError):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), self.log_dir) from None

    def _begin(self, logs):
        super().on_train_begin(logs)
        if keras.backend.backend() == "tensorflow":  # only there is the network a TensorFlow graph
            with self._train_writer.as_default():
                self.summary.graph(_traced(self.validation.stock))

    def _write_epoch(self, epoch, logs):
        super().on_epoch_end(epoch, logs)
        if not len(self.validation.faces):
            return
        title = f"validation, epoch {epoch + 1}"
        faces = self.validation.faces
        shown = predictions_figure(
            faces.images[self.samples],
            self.validation.probabilities[self.samples],
            faces.labels[self.samples],
            title=title,
        )
        images = {
            "confusion_matrix": confusion_image(self.validation.matrix, title=title),
            "sample_predictions": figure_to_array(shown),
        }
        with self._val_writer.as_default():
            for name, image in images.items():
                self.summary.image(name, image[np.newaxis], step=epoch)

    def _collect_learning_rate(self, logs):  # Keras's own tells the rate of the next step, history.csv the last one's
        return logs | {"learning_rate": last_learning_rate(self.model)}


def _traced(model: keras.Model):
    """Return the network's TensorFlow graph, for a batch of any size."""
    import tensorflow as tf

    batch = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    return tf.function(lambda images: model(images, training=False)).get_concrete_function(batch).graph


def _spread_over_emotions(faces: Faces) -> np.ndarray:
    """Return the indices of up to SAMPLES faces, the first of every emotion before the second of any."""
    rank = np.zeros(len(faces), np.int64)
    for label in np.unique(faces.labels):
        of_label = np.flatnonzero(faces.labels == label)
        rank[of_label] = np.arange(len(of_label))
    return np.lexsort((faces.labels, rank))[:SAMPLES]
