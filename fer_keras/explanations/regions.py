"""On which parts of the face an attribution lies, by emotion, as a number."""

import numpy as np
import pandas as pd

from fer_keras.console import counted
from fer_keras.data.synthetic import PARTS, parts_of
from fer_keras.emotions import EMOTIONS
from fer_keras.explain.regions import FER2013_TEMPLATE, RegionMeans, region_means
from fer_keras.explain.registry import explainer_class
from fer_keras.explanations.attribution import titled
from fer_keras.explanations.folder import MethodFolder, kept_maps
from fer_keras.explanations.progress import Tell
from fer_keras.explanations.study import Study, layer_of
from fer_keras.plots.regions import regions_figure

EXACT = "exact, drawn with the synthetic faces"
TEMPLATE = "FER2013's template, one for all:\nfor faces cut out as its are"


def write_regions(names: list[str], study: Study, folder: MethodFolder, tell: Tell) -> None:
    """Write regions.csv and a figure for each of the attribution methods `names`, from the maps that they have left.

    Counts correctly classified images, for each the magnitude of its map: for and against alike.
    """
    tables, parts_of_all = [], parts_of_faces(study)
    where = f"{study.target.split}{study.limited}"
    layers = {name: layer_of(name, study.network) for name in names}
    for done, name in enumerate(names):
        arrays = kept_maps(folder.path.parent / name)
        maps, labels, indices = arrays["maps"], arrays["labels"], arrays["indices"]
        right = arrays["predictions"] == labels
        if not right.any():
            folder.say(f"{name}: no image is classified correctly, nothing to count.")
            continue
        maps, labels, indices = maps[right], labels[right], indices[right]
        parts = parts_of_all[indices]
        shown = study.images[indices]
        face = shown[0] if study.target.synthetic else shown.mean(axis=0)  # the template is of all of them
        means = region_means(maps, parts, labels)
        count = int(means.counts.sum())
        if blank := len(labels) - count:
            folder.say(f"{name}: {counted(blank, 'map')} that are zero everywhere are left out.")
        if not count:
            continue
        tables.append(_table(name, layers[name], means))
        at = titled(name, study)
        signs = ", what speaks for the emotion and what speaks against it alike" if explainer_class(name).signed else ""
        figure = regions_figure(
            means.shares,
            means.standard_errors,
            means.density_ratios,
            counts=means.counts,
            parts=parts[0],
            face=face,
            parts_from=parts_from(study),
            title=f"Where {at} lies: {counted(count, 'correctly classified image')} of {where}",
        )
        caption = (
            f"The mean share of {at} on each part{signs}, with standard errors over the images of an emotion; below, "
            "the share over the part's share of the area (1: just what chance would give). "
            f"Parts: {' '.join(parts_from(study).split())}."
        )
        folder.figure(f"{name}.png", figure, caption, heading=name)
        tell(done + 1, len(names))
    if tables:
        about = "All shares, standard errors, areas and density ratios, by method, emotion and part"
        folder.table("regions.csv", pd.concat(tables, ignore_index=True), about)


def parts_from(study: Study) -> str:
    """Return where the parts of the target's faces come from, for people."""
    return EXACT if study.target.synthetic else TEMPLATE


def parts_of_faces(study: Study) -> np.ndarray:
    """Return which part each pixel of the target's faces shows, uint8 (N, 48, 48): exact, or by the template."""
    if study.target.synthetic:
        return parts_of(study.target.faces)
    return np.broadcast_to(FER2013_TEMPLATE, (len(study.images), *FER2013_TEMPLATE.shape))


def _table(name: str, layer: str | None, means: RegionMeans) -> pd.DataFrame:
    rows = [
        {
            "method": name,
            "layer": layer or "",
            "emotion": emotion,
            "part": part,
            "images": int(means.counts[label]),
            "share": means.shares[label, column],
            "standard_error": means.standard_errors[label, column],
            "area": means.areas[label, column],
            "density_ratio": means.density_ratios[label, column],
        }
        for label, emotion in enumerate(EMOTIONS)
        for column, part in enumerate(PARTS)
    ]
    return pd.DataFrame(rows)
