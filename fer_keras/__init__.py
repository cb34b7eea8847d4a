"""Facial-expression recognition with convolutional networks in Keras 3."""

__version__ = "0.1.0"
