"""What the scores of images come to: means by method, and which methods are ahead of the maps that know no network."""

import numpy as np
import pandas as pd

from fer_keras.scores.baselines import BASELINES
from fer_keras.scores.registry import SCORES
from fer_keras.significance import SIGNIFICANT

DRAWS = 199_999  # of signs, where images are too many to try all
_ALL = 14  # images of which all signs are tried
_AT_ONCE = 1_000  # draws, which keeps the memory small where images are many


def summarised(images: pd.DataFrame) -> pd.DataFrame:
    """Return the mean and the standard error of every score by method, of the images that have it, in their order.

    And for each baseline by how much a method is better than it (over_edges, ...; below 0: worse) on the same images,
    with the standard error of that mean difference.

    p_value: of the hypothesis that the method is no better than some baseline, the largest of those against each of
    them (Berger 1982, "Multiparameter hypothesis testing and acceptance sampling"), by `sign_flip_test`. p_adjusted:
    the same by `holm`, for as many such hypotheses as the table has. NaN for the baselines, and for scores in which to
    be ahead of them says nothing (`Score.compared`).

    images: columns method, layer, score, index and value, every baseline among the methods; NaN values do not count.
    """
    groups = images.groupby(["method", "layer", "score"], sort=False)["value"]
    summary = groups.agg(mean="mean", standard_error="sem", images="count").reset_index()
    better = summary["score"].map(lambda name: "higher" if SCORES[name].higher_is_better else "lower")
    summary.insert(3, "better", better)
    values = images.pivot(index="index", columns=["score", "method"], values="value")
    values = values.mul([1 if SCORES[score].higher_is_better else -1 for score, _ in values.columns], axis=1)
    of_rows = values[list(zip(summary["score"], summary["method"], strict=True))].to_numpy()
    leads = {}
    for baseline in BASELINES:
        leads[baseline] = of_rows - values[[(score, baseline) for score in summary["score"]]].to_numpy()
        lead, others = pd.DataFrame(leads[baseline]), summary["method"] != baseline  # (images, rows of the summary)
        summary[f"over_{baseline}"] = lead.mean().where(others)
        summary[f"over_{baseline}_error"] = lead.sem().where(others)
    p_values = np.split(sign_flip_test(np.hstack(list(leads.values()))), len(leads))
    tested = ~summary["method"].isin(BASELINES) & summary["score"].map(lambda name: SCORES[name].compared)
    summary["p_value"] = pd.Series(np.max(p_values, axis=0)).where(tested)
    summary["p_adjusted"] = summary["p_value"]
    summary.loc[tested, "p_adjusted"] = holm(summary.loc[tested, "p_value"].to_numpy())
    return summary


def ahead_of_baselines(summary: pd.DataFrame) -> pd.Series:
    """Return for each row of `summarised` whether it is ahead of all baselines, and hardly by chance."""
    return summary["p_adjusted"] < SIGNIFICANT


def sign_flip_test(differences: np.ndarray, *, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Return one-sided p-values, float64 (C,), of C mean paired differences above 0; NaN differences do not count.

    Where A and B are alike, a difference is as likely as its negative: the share of signs by which the sum is as large
    or larger (Fisher 1935, "The Design of Experiments"), all signs of up to 14 differences, else `draws` at random and
    those at hand (Phipson and Smyth 2010). It is exact for differences of any distribution that is symmetric about 0;
    where it is skewed, a mean of 0 is taken for more too often, as by the t test.

    differences: float (N, C).
    """
    differences = np.nan_to_num(differences)  # of a 0 no sign matters
    nearly = 1e-9 * np.abs(differences).sum(axis=0)  # sums that are the same but for rounding are
    large, images = differences.sum(axis=0) - nearly, len(differences)
    if images <= _ALL:
        signs = 1.0 - 2 * (np.arange(2**images)[:, None] >> np.arange(images) & 1)
        return (signs @ differences >= large).mean(axis=0)
    as_large, rng = np.ones(differences.shape[1]), np.random.default_rng(seed)
    for begin in range(0, draws, _AT_ONCE):
        signs = rng.choice([-1.0, 1.0], size=(min(_AT_ONCE, draws - begin), images))
        as_large += (signs @ differences >= large).sum(axis=0)
    return as_large / (1 + draws)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return p-values (N,), adjusted: below a level stands any true one of the N hypotheses no more often than that.

    Holm 1979, "A simple sequentially rejective multiple test procedure": the smallest times N, the next times N - 1,
    and so on; none below one before it, or above 1.
    """
    order = np.argsort(p_values)
    adjusted = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    result = np.empty(len(p_values))
    result[order] = np.minimum(adjusted, 1)
    return result
