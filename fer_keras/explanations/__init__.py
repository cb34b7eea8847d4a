"""Explanations of one network on one split: which images, which methods, the pictures and arrays they leave behind."""
