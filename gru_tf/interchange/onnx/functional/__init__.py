"""ONNX graphs that are more than a `Network` as Keras functional models: one layer or operation of Keras per operator.

A graph is followed twice. First only its shapes (`tracing`): every value gets its axes, as numbers or as the lengths of the
inputs' axes that they come from (`sizes`), and a step that computes it (`steps`); nothing is built. What is found out about
the inputs on the way, such as which of their axes is the batch (`knowledge`), starts this over. Then the steps that the
outputs need are built by Keras (`model`).

Keras wants the batch first and features last, ONNX has time or channels there. Transpose, Squeeze, Unsqueeze and most of
Reshape therefore compute nothing: they change the view of an array (`views`), and only an operator that needs its axes in a
certain order arranges them.
"""
