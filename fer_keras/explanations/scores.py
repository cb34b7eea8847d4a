"""How good the maps are that attribution methods have left: tables, a picture, the curves behind two of the scores."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from fer_keras.console import columns, counted, listed, say
from fer_keras.explain.explainer import Explainer
from fer_keras.explanations.attribution import explain, make_explainer, shown_maps
from fer_keras.explanations.folder import MethodFolder, kept_maps
from fer_keras.explanations.progress import Tell
from fer_keras.explanations.regions import parts_from, parts_of_faces
from fer_keras.explanations.study import Study, layer_of, predictor
from fer_keras.plots.scores import curves_figure, scores_figure
from fer_keras.scores.baselines import BASELINES
from fer_keras.scores.explained import Explain, Explained
from fer_keras.scores.registry import SCORES
from fer_keras.scores.sanity import DRAWS, UPPER, untrained
from fer_keras.scores.summary import ahead_of_baselines, summarised
from fer_keras.significance import SIGNIFICANT


def write_scores(names: list[str], study: Study, folder: MethodFolder, tell: Tell) -> None:
    """Write scores.csv, images.csv and two figures on the maps of the attribution methods `names`, and baselines.

    Scored are the images of each emotion that were selected because they are classified correctly, and not others that
    were; what needs new explanations, one of each emotion.
    """
    if not study.selection.correct:
        folder.say("No image is classified correctly: there is nothing to score.")
        return
    indices = np.concatenate(list(study.selection.correct.values()))
    few = np.flatnonzero(np.isin(indices, [images[0] for images in study.selection.correct.values()]))
    images, targets, seed = study.images[indices], study.predictions[indices], study.options.seed
    of_faces = partial(
        Explained,
        images=images,
        targets=targets,
        others=_runners_up(study.probabilities[indices], targets),
        parts=parts_of_faces(study)[indices],
        probabilities=predictor(study.network),
        seed=seed,
    )
    methods = {name: _of_method(name, study, indices, of_faces) for name in names}
    for name, make in BASELINES.items():
        method = make(seed)
        same = (method,) * DRAWS
        methods[name] = of_faces(
            maps=method(images, targets), explain=method, explain_untrained=same, explain_upper=same
        )
    scores, curves = [], {}
    for done, (name, explained) in enumerate(methods.items(), start=1):
        scores.append(_scored(name, study, indices, explained, few))
        curves[name] = explained.deletion_curves.mean(axis=0), explained.insertion_curves.mean(axis=0)
        tell(done, len(methods))
    of_images = pd.concat(scores, ignore_index=True)
    summary = summarised(of_images)
    _draw(study, folder, summary, curves, len(indices))
    folder.table(
        "scores.csv",
        summary,
        "Mean, standard error and number of images of every score, by method, and its lead over the baselines",
    )
    folder.table("images.csv", of_images, "Every score of every image")
    say(scores_text(summary))


def _of_method(name: str, study: Study, indices: np.ndarray, of_faces: Callable[..., Explained]) -> Explained:
    explainer = make_explainer(name, study)

    def maps_of(explainer: Explainer) -> Explain:
        return lambda images, targets: shown_maps(explainer, explain(explainer, images, targets))[0]

    def maps_of_untrained(draw: int, kept: float, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        seed = int(np.random.SeedSequence([study.options.seed, draw]).generate_state(1)[0])
        model = untrained(study.network.model, seed, kept=kept)
        return maps_of(make_explainer(name, study, model))(images, targets)

    arrays = kept_maps(study.target.folder / name)
    rows = np.searchsorted(arrays["indices"], indices)
    maps = shown_maps(explainer, arrays["maps"][rows])[0]
    of_untrained, of_upper = (
        tuple(partial(maps_of_untrained, draw, kept) for draw in range(DRAWS)) for kept in (0.0, 1 - UPPER)
    )
    return of_faces(maps=maps, explain=maps_of(explainer), explain_untrained=of_untrained, explain_upper=of_upper)


def _runners_up(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return of each image the likeliest class but its target: int64 (N,). probabilities: (N, classes)."""
    others = probabilities.copy()
    others[np.arange(len(targets)), targets] = -np.inf
    return others.argmax(axis=1)


def _scored(name: str, study: Study, indices: np.ndarray, explained: Explained, few: np.ndarray) -> pd.DataFrame:
    """Return a row an image and score: those that explain anew for the images of rows `few` alone."""
    tables = []
    layer = layer_of(name, study.network) if name not in BASELINES else None
    for score_name, score in SCORES.items():
        rows = few if score.anew else np.arange(len(indices))
        values = score.of(explained.take(rows) if score.anew else explained)
        tables.append(
            pd.DataFrame(
                {
                    "method": name,
                    "layer": layer or "",
                    "score": score_name,
                    "index": indices[rows],
                    "id": study.ids[indices[rows]],
                    "value": values,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def scores_text(summary: pd.DataFrame) -> str:
    """Return a table for people: a row a method, a column a score, with what is better."""
    shown = summary.assign(ahead=ahead_of_baselines(summary))
    shown["text"] = [
        f"{mean:.3f}{'*' if ahead else ' '}" for mean, ahead in zip(shown["mean"], shown.ahead, strict=True)
    ]
    texts = shown.pivot(index="method", columns="score", values="text")
    better = ["higher " if score.higher_is_better else "lower " for score in SCORES.values()]
    rows = [("", *(f"{name} " for name in SCORES)), ("better:", *better)]
    rows += [(name, *texts.loc[name, list(SCORES)]) for name in summary["method"].unique()]
    lines = columns(rows, right=tuple(range(1, len(rows[0])))).splitlines()
    lines += [f"*: ahead of {listed(BASELINES)} on the same images, and hardly by chance:", _tested(summary)]
    lines += [f"over {counted(int(summary['images'].max()), 'image')}; {_few_said(summary)}"]
    return "\n".join(f"  {line}" for line in lines)


def _tested(summary: pd.DataFrame) -> str:
    """Say how a lead over the baselines is told from chance, in which scores, and among how many comparisons."""
    scores = ", ".join(name for name, score in SCORES.items() if score.compared)
    comparisons, images = int(summary["p_adjusted"].notna().sum()), int(summary["images"].max())
    adjusted = f", adjusted for {comparisons} comparisons" if comparisons > 1 else ""
    too_few = f"; {counted(images, 'image')} cannot show any" if comparisons * 0.5**images >= SIGNIFICANT else ""
    return f"   p < {SIGNIFICANT} by sign-flip tests{adjusted} ({scores}){too_few}"


def _few_said(summary: pd.DataFrame) -> str:
    """Say of how many images the scores are that explain anew: fewer for a method whose maps some have none of."""
    counts = summary.loc[summary["score"].map(lambda name: SCORES[name].anew), "images"]
    few = f"{counts.max()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    few = "all" if counts.min() == summary["images"].max() else few
    return f"{listed([name for name, score in SCORES.items() if score.anew])} over {few} of them"


def _draw(study: Study, folder: MethodFolder, summary: pd.DataFrame, curves: dict, count: int) -> None:
    where, right = f"{study.target.split}{study.limited}", "correctly classified image"
    names = list(summary["method"].unique())

    shown = summary.assign(ahead=ahead_of_baselines(summary))

    def table_of(column: str) -> np.ndarray:
        return shown.pivot(index="method", columns="score", values=column).loc[names, list(SCORES)].to_numpy()

    parts = parts_from(study).replace("\n", " ")
    folder.reading = (
        "Read them all together, and beside the rows that know no network: edges of the picture, a spot in its "
        "centre, and noise. A method that is no better than these on insertion shows nothing; scattered pixels that "
        "vanish hurt a network wherever they are, so that noise does well on deletion; what people look at lies in the "
        "middle of a face, so that the spot does well on focus and pointing. A map that stays as it is where the upper "
        "half of the network is untrained (upper), or for another emotion (runner-up), shows what the lower layers "
        f"respond to, and not why the network decides as it does. The parts of focus and pointing: {parts}. Networks "
        "may well look elsewhere than people would: a map can be right and score low there."
    )
    figure = scores_figure(
        table_of("mean"),
        table_of("standard_error"),
        names,
        {name: (score.about, score.higher_is_better) for name, score in SCORES.items()},
        ahead=table_of("ahead"),
        compared=[score.compared for score in SCORES.values()],
        baselines=list(BASELINES),
        title=f"How good explanations are: {counted(count, right)} of {where}; {_few_said(summary)}",
    )
    about = "; ".join(f"{name}: {score.about} ({score.reference})" for name, score in SCORES.items())
    folder.figure("scores.png", figure, f"Means with standard errors, {_few_said(summary)}. {about}")
    deletion, insertion = (np.stack([curve[side] for curve in curves.values()]) for side in (0, 1))
    figure = curves_figure(
        deletion,
        insertion,
        names,
        baselines=list(BASELINES),
        title=f"Mean over {counted(count, right)} of {where}",
    )
    caption = (
        "The probability of the predicted emotion while pixels vanish into the blurred face (deletion), or appear from "
        "it (insertion), the most important first. A faithful map falls early there and rises early here."
    )
    folder.figure("curves.png", figure, caption)
