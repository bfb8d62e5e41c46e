"""Images, read as sequences of pixels or rows."""
