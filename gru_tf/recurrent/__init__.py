"""Cells, layers over time, their weights gate by gate, for any Keras program, without the suite."""
