"""TensorBoard: Keras's own callback, and the images that a person wants to see after each epoch."""

from pathlib import Path

import keras
import numpy as np

from fer_keras.data.faces import Faces
from fer_keras.plots.confusion import confusion_image
from fer_keras.plots.gallery import predictions_figure
from fer_keras.plots.raster import figure_to_array
from fer_keras.training.callbacks import Validation

SAMPLES = 16  # faces of the validation set whose predictions are shown


class TensorBoard(keras.callbacks.TensorBoard):
    """Scalars, rates, weight histograms and graph by Keras; beside them confusion matrix and sample predictions.

    The images go through the parent's writer: of two event files that grow at once in one folder, TensorBoard follows
    only the newer.
    """

    def __init__(self, log_dir: Path, validation: Validation):
        super().__init__(log_dir=str(log_dir), histogram_freq=1, write_graph=True)
        self.validation = validation
        self.samples = _spread_over_emotions(validation.faces)

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
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


def _spread_over_emotions(faces: Faces) -> np.ndarray:
    """Return the indices of up to SAMPLES faces, the first of every emotion before the second of any."""
    rank = np.zeros(len(faces), np.int64)
    for label in np.unique(faces.labels):
        of_label = np.flatnonzero(faces.labels == label)
        rank[of_label] = np.arange(len(of_label))
    return np.lexsort((faces.labels, rank))[:SAMPLES]
