"""Recorded series, to be classified."""
