"""Figures: NumPy arrays and labels in, matplotlib figures out. Nothing here imports TensorFlow."""
