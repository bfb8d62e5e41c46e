"""Models in and out: recurrent stacks from PyTorch, ONNX, old Keras and TensorFlow 1, and to where they must run."""
