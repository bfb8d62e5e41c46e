"""Functions that write one call of a layer, by kind of layer; each module has a table of its classes in `WRITERS`."""
