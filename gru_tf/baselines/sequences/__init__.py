"""Models that classify real-valued sequences."""
