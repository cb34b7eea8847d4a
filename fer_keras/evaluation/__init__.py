"""How good a run is, on data that took no part in choosing it."""
