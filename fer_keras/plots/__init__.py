"""Figures: arrays, labels and what was measured in, matplotlib figures out. Nothing here imports TensorFlow."""
