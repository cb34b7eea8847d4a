"""From a recipe and faces to a finished run."""
