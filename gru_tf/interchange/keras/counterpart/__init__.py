"""A Keras 3 file's model put together a second time, of TF-Keras' layers: an independent computation to compare with.

What could go wrong in reading such a file is the rewriting of its config, where an option is lost, and the placing of its
weights. So nothing of that is used here: the layers are made of the config in the file, which has been checked, by the code
of Keras 2, which shares none with Keras 3; the weights are read from their paths in the file, not by Keras' loader.
"""
