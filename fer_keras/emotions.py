"""The seven emotions of FER2013, their label order, and the size of its images.

The order is that of the CSV of the challenge (Goodfellow et al., "Challenges in Representation Learning", 2013).
A sorted folder listing gives another one (neutral before sad): nothing here may depend on a listing.
"""

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
NUM_EMOTIONS = len(EMOTIONS)
IMAGE_SIZE = 48  # pixels, both height and width

# What other collections call the same seven, in lower case.
SYNONYMS = {
    "anger": "angry",
    "disgusted": "disgust",
    "disgusting": "disgust",
    "fearful": "fear",
    "afraid": "fear",
    "scared": "fear",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "surprising": "surprise",
    "calm": "neutral",
    "neutrality": "neutral",
}


def emotion_index(name: str) -> int | None:
    """Return the label (0..6) of an emotion's name in any case, synonyms included; None for an unknown name."""
    name = name.strip().lower()
    name = SYNONYMS.get(name, name)
    return EMOTIONS.index(name) if name in EMOTIONS else None
