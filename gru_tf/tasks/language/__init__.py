"""Characters, words and sentences."""
