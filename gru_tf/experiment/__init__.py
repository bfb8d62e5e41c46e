"""The question as data, and what a run leaves behind."""
