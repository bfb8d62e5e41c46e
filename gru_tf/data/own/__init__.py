"""A user's own data: files, columns, encodings and shares, as tasks on them need it. Nothing here knows a task."""
