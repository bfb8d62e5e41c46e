"""TensorFlow 1 checkpoints read; SavedModel and TFLite written."""
