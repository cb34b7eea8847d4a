"""Runs of a few drawn faces and a small network: seconds each."""

from fer_keras.config import Settings
from fer_keras.training import job

TINY = {"data": "synthetic", "limit": 21, "arch": "cnn_plain", "epochs": 1, "batch_size": 16, "precision": "float32"}


def start(logdir, **settings):
    return job.start(Settings(**TINY | settings), logdir=str(logdir), name=None, command=["train.py"])
