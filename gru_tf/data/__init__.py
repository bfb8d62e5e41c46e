"""Where data lie and how they are read; a user's own in `own`."""
