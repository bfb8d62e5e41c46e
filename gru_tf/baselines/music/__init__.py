"""Models of piano rolls."""
