"""Which method is said to be ahead of maps that know no network, on numbers made by hand."""

import numpy as np
import pandas as pd

from fer_keras.explanations.scores import _runners_up, scores_text
from fer_keras.scores.registry import SCORES
from fer_keras.scores.summary import ahead_of_baselines, summarised

IMAGES = {  # insertion, higher is better: of four images, seen three times
    "ahead": [0.9, 0.8, 0.7, 0.8],
    "by chance": [0.9, 0.1, 0.8, 0.2],
    "edges": [0.5, 0.4, 0.3, 0.4],
    "centre": [0.5, 0.4, 0.3, 0.2],
    "noise": [0.2, 0.3, 0.1, 0.0],
}
ANEW = "sensitivity, untrained, upper and runner-up"


def table(times=3):
    rows = [
        {"method": method, "layer": "", "score": score, "index": index, "value": value if better else 1 - value}
        for method, values in IMAGES.items()
        for score, better in ((name, one.higher_is_better) for name, one in SCORES.items())
        for index, value in enumerate(times * values)
    ]
    return pd.DataFrame(rows)


def test_ahead_is_who_beats_all_baselines_whichever_way_is_better():
    summary = summarised(table())
    ahead = summary[ahead_of_baselines(summary)]
    assert set(ahead.method) == {"ahead"}
    assert set(ahead.score) == {"deletion", "insertion", "focus", "pointing"}  # in the others that would say nothing
    lead = summary[summary.method == "ahead"]
    np.testing.assert_allclose(lead.over_edges, 0.4)
    np.testing.assert_allclose(lead.over_edges_error, 0, atol=1e-12)
    np.testing.assert_allclose(lead.over_noise, np.mean([0.7, 0.5, 0.6, 0.8]))


def test_a_lead_over_two_baselines_is_none_over_all():
    values = table()
    values.loc[values.method == "centre", "value"] = values.loc[values.method == "ahead", "value"].to_numpy()
    assert not ahead_of_baselines(summarised(values)).any()


def test_the_same_lead_is_not_shown_by_too_few_images_for_so_many_comparisons():
    summary = summarised(table(times=1))
    assert not ahead_of_baselines(summary).any()
    assert scores_text(summary).splitlines()[-2].endswith("4 images cannot show any")


def test_the_table_for_people_marks_them():
    lines = scores_text(summarised(table())).splitlines()
    assert lines[0].split() == list(SCORES)
    marked = {line.split("0.")[0].strip() for line in lines[2:-3] if "*" in line}
    assert marked == {"ahead"} and "0.800*" in lines[2]
    assert lines[-3].strip().startswith("*: ahead of edges, centre and noise")
    assert "adjusted for 8 comparisons" in lines[-2]  # two methods in four scores
    assert lines[-1].strip() == f"over 12 images; {ANEW} over all of them"


def test_images_without_a_map_are_left_out_of_what_is_said_of_their_number():
    values = table()
    anew = values.score.map(lambda name: SCORES[name].anew)
    values = values[~anew | (values["index"] < 3)]  # explained anew: three of the images
    values.loc[(values.score == "untrained") & (values.method == "ahead") & (values["index"] == 0), "value"] = np.nan
    assert scores_text(summarised(values)).endswith(f"over 12 images; {ANEW} over 2 to 3 of them")


def test_the_runner_up_is_the_likeliest_emotion_but_the_one_explained():
    probabilities = np.array([[0.5, 0.2, 0.3], [0.1, 0.2, 0.7], [0.4, 0.4, 0.2]])
    assert _runners_up(probabilities, np.array([0, 1, 1])).tolist() == [2, 2, 0]
