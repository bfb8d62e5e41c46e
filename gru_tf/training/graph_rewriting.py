"""Graphs of training as they are written, without the part of TensorFlow's rewriting that spares memory.

Where a graph needs more than 215 MB, the memory optimiser of TensorFlow 2.21 replaces a sum of three gradients or more by a
temporary variable. In the gradient of a loop over time within the loop over batches, of a decoder that attends first or of
any cell without a fused kernel, that variable outlives its step, and the next one fails: "AlreadyExistsError: Resource …
tmp_var". Networks in fused kernels have the same bits with it and without.
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
