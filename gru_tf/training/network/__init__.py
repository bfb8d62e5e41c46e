"""The network of a run: its size, its parts, and how it writes sequences."""
