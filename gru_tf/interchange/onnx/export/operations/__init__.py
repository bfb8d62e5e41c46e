"""Functions that write one call of `keras.ops`, by kind; each module has a table of its classes in `WRITERS`."""
