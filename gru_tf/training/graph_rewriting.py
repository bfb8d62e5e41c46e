"""Graphs of training as they are written, without the part of TensorFlow's rewriting that spares memory.

Where a graph needs more than 215 MB, TensorFlow's memory optimiser replaces a sum of three gradients or more by a temporary
variable, to which each is added when it is there. In a loop within a loop, such as the steps of a decoder that attends first
within the steps of an epoch, that variable outlives its step, and the next one fails: "AlreadyExistsError: Resource …
tmp_var". And which gradient comes first, and so the last bits of their sum, is left to the threads.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig
from tensorflow.python.eager import context  # tf.config has no option for it


@contextmanager
def sums_kept() -> Iterator[None]:
    """Within it, functions that are called for the first time keep their sums; others are as they were."""
    here = context.context()
    before, config = here.function_call_options, here.config
    config.graph_options.rewrite_options.memory_optimization = RewriterConfig.NO_MEM_OPT
    here.function_call_options = context.FunctionCallOptions(before.executor_type, config)
    try:
        yield
    finally:
        here.function_call_options = before
