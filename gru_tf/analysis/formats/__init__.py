"""Results in the forms that people and programs read: table markup, frames, CSV, JSON, a summary."""
