"""TensorFlow graphs read as data and computed in NumPy, operation by operation; TensorFlow never runs one from a file."""
