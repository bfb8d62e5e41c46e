"""Sound: speech and music."""
