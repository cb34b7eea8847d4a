"""Faces and how they are read, drawn, checked, augmented and fed to a network."""
