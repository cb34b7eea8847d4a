"""What `--method` can name, in the order in which it is done. Imports neither TensorFlow nor Keras."""

from fer_keras.explain.registry import EXPLAINERS

# name: what its pictures show, for the help text and for index.html
METHODS = {
    "faces": "the photos, with the faces found in them boxed and numbered (with --photo)",
    **{name: about for name, (_, _, about) in EXPLAINERS.items()},
    "comparison": "every attribution method on the same faces",
    "activation": "the picture that excites each filter of a layer most, beside the faces that do",
    "outputs": "the feature maps of a layer, and of the whole network, for a face",
    "filters": "which emotion excites which filter most, and which pixels move a layer",
    "regions": "the share of an attribution on brows, eyes, nose, mouth and the other parts",
    "scores": "how good attributions are, beside maps that know no network: faithful, on the face, of what was learned",
}
OF_ATTRIBUTIONS = ("regions", "scores")  # they measure the attributions of the same command
DEFAULT_METHODS = ("saliency", "activation", "outputs", "lime")
OF_DATA = tuple(name for name in METHODS if name != "faces")
# Those of photos, and those that explain a face whose true emotion nobody has said.
OF_PHOTOS = ("faces", *EXPLAINERS, "comparison", "outputs")
DEFAULT_METHODS_OF_PHOTOS = ("faces", "saliency", "grad-cam", "lime")
ALL = "all"

# What `explain.activation` and `explain.lime_images` offer; a test holds them equal. Importing those takes seconds.
STYLES = ("robust", "maco", "plain", "tf-keras-vis")
SEGMENTATIONS = ("slic", "quickshift", "felzenszwalb", "grid")
