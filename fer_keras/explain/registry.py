"""The attribution methods by name: one list for the command line, the scores and the tests.

Readable without importing TensorFlow; `explainer_class` imports the one that is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from fer_keras.errors import unknown_name

if TYPE_CHECKING:
    from fer_keras.explain.explainer import Explainer

# name: (module of this package, class, what it shows)
EXPLAINERS = {
    "saliency": ("gradients", "Saliency", "magnitude of the gradient of the logit"),
    "smoothgrad": ("gradients", "SmoothGrad", "gradient averaged over noisy copies"),
    "integrated-gradients": ("gradients", "IntegratedGradients", "gradient averaged on the way from black, x pixel"),
    "grad-x-input": ("gradients", "GradientTimesInput", "gradient x pixel"),
    "guided-backprop": ("guided", "GuidedBackprop", "gradient whose negative parts stop at every ReLU"),
    "grad-cam": ("cam", "GradCam", "a layer's maps weighted by their mean gradient"),
    "grad-cam++": ("cam", "GradCamPlusPlus", "a layer's maps weighted by their positive gradients"),
    "layer-cam": ("cam", "LayerCam", "a layer's maps x their positive gradients, place by place"),
    "score-cam": ("cam", "ScoreCam", "a layer's maps weighted by what the network sees through them"),
    "occlusion": ("perturbation", "Occlusion", "fall of the logit when a square is hidden"),
    "rise": ("perturbation", "Rise", "rise of the logit when a pixel is shown, over random masks"),
    "lime": ("lime_images", "Lime", "superpixels that speak for and against an emotion"),
}


def explainer_class(name: str) -> type["Explainer"]:
    """Return the class of a method by its name. UserError for an unknown one."""
    if name not in EXPLAINERS:
        raise unknown_name("method", name, EXPLAINERS)
    module, class_name, _ = EXPLAINERS[name]
    return getattr(import_module(f"fer_keras.explain.{module}"), class_name)
