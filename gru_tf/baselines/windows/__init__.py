"""Models of values that read a window as one vector."""
