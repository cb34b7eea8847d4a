"""One network or many that vote: the probabilities of every member, and what they decide together."""

from dataclasses import dataclass

import numpy as np

from fer_keras.data.select import equalize
from fer_keras.emotions import NUM_EMOTIONS
from fer_keras.evaluation.runs_to_evaluate import Member
from fer_keras.inference import predict_probabilities
from fer_keras.models.files import open_model
from fer_keras.prediction_bar import PredictionBar
from fer_keras.votes import hard_vote, soft_vote


@dataclass(frozen=True)
class Decision:
    """What is said about N images. probabilities: float (N, 7), the mean over the members; predicted: int64 (N,)."""

    probabilities: np.ndarray
    predicted: np.ndarray


def member_probabilities(members: tuple[Member, ...], images: np.ndarray, *, tta: str) -> np.ndarray:
    """Return the probabilities of every member, float32 (M, N, 7), in the order of members and images.

    images: uint8 (N, 48, 48), not equalised: each member sees them as it was trained. tta: see `inference.views`.
    UserError for a file that holds no such network. One network is in memory at a time.
    """
    seen = {False: images}
    if any(member.equalize for member in members):
        seen[True] = equalize(images)
    with PredictionBar(len(members), len(images), tta) as bar:
        return np.stack(
            [
                predict_probabilities(open_model(member.file), seen[member.equalize], tta=tta, callbacks=[bar])
                for member in members
            ]
        )


def out_of_fold_probabilities(
    members: tuple[Member, ...], images: np.ndarray, fold_of: np.ndarray, *, tta: str
) -> np.ndarray:
    """Return for each image the probabilities of the member of its fold alone, float32 (N, 7).

    fold_of: int64 (N,), the index of a member; see `member_probabilities` for the rest.
    """
    probabilities = np.full((len(images), NUM_EMOTIONS), np.nan, np.float32)
    for fold, member in enumerate(members):
        own = fold_of == fold
        probabilities[own] = member_probabilities((member,), images[own], tta=tta)[0]
    return probabilities


def decide(probabilities: np.ndarray, vote: str) -> Decision:
    """Return what the members (M, N, 7) decide. vote: "soft", the highest mean probability; "hard", the majority."""
    mean = soft_vote(probabilities)
    return Decision(mean, hard_vote(probabilities) if vote == "hard" else mean.argmax(axis=1))
