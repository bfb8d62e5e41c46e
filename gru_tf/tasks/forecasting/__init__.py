"""Series over time, whose next values are asked for."""
