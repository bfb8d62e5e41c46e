"""Models that read a series from its beginning."""
