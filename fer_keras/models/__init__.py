"""Networks, by the Keras functional API and by name."""
