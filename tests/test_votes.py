import numpy as np
import pytest

from fer_keras.votes import ensemble_accuracies, hard_vote, soft_vote


def one_hot_ish(label, probability, second, second_probability):
    row = np.full(7, (1 - probability - second_probability) / 5)
    row[label], row[second] = probability, second_probability
    return row


def test_hard_vote_counts_members_where_soft_vote_weighs_them():
    # Three of five members say angry, barely; two are certain of surprise.
    barely, certain = one_hot_ish(0, 0.42, 5, 0.40), one_hot_ish(5, 0.98, 0, 0.0)
    members = np.array([barely, barely, barely, certain, certain])[:, None]
    assert hard_vote(members).tolist() == [0]
    assert soft_vote(members).argmax(axis=1).tolist() == [5]
    np.testing.assert_allclose(soft_vote(members)[0, 5], (3 * 0.40 + 2 * 0.98) / 5)


@pytest.mark.parametrize("winner", [1, 4, 6])
def test_tied_hard_vote_goes_to_the_higher_summed_probability(winner):
    members = [one_hot_ish(label, 0.8 if label == winner else 0.6, 0, 0.19) for label in (1, 4, 6)]
    assert hard_vote(np.array(members)[:, None]).tolist() == [winner]
    assert hard_vote(np.array(members[::-1])[:, None]).tolist() == [winner]


def test_tied_hard_vote_never_goes_to_a_label_nobody_voted_for():
    # Fear is everybody's close second: its sum is the highest of all.
    members = np.array([one_hot_ish(0, 0.5, 2, 0.45), one_hot_ish(3, 0.5, 2, 0.45)])[:, None]
    assert soft_vote(members).argmax() == 2
    assert hard_vote(members).tolist() == [0]


def test_votes_take_the_members_on_the_first_axis():
    rng = np.random.default_rng(0)
    members = rng.dirichlet(np.ones(7), size=(3, 11))
    assert hard_vote(members).shape == (11,)
    assert soft_vote(members).shape == (11, 7)
    votes = np.array([np.bincount(column, minlength=7) for column in members.argmax(axis=2).T])
    decided = votes.max(axis=1) > 1
    assert decided.any()
    np.testing.assert_array_equal(hard_vote(members)[decided], votes.argmax(axis=1)[decided])


def test_ensemble_accuracies_add_the_members_in_order():
    labels = np.array([0, 1])
    wrong, right = np.eye(7)[[2, 2]], np.eye(7)[[0, 1]]
    members = np.array([0.4 * wrong + 0.6 / 7, right, right])
    assert ensemble_accuracies(labels, members, vote="soft").tolist() == [0, 1, 1]
    # At two members the vote is tied, and the surer one decides.
    assert ensemble_accuracies(labels, members[[1, 0, 0]], vote="hard").tolist() == [1, 1, 0]
