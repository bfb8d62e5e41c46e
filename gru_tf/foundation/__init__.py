"""What all stand on: errors, whole files, quiet start-up, signals, the catalogue of a folder, the environment of a run."""
