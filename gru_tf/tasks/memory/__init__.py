"""Synthetic tasks that ask how far and how selectively a network remembers."""
