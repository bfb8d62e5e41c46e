"""Without one of TensorFlow's rewritings of graphs, for steps that it breaks.

The memory optimiser of TensorFlow 2.21 adds large arrays up in a temporary variable. In the gradient of a loop over time
within the loop over batches two of them have one name, and training ends with ALREADY_EXISTS (seen from 512 units and 44
steps on, not at small sizes).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tensorflow.core.protobuf import config_pb2, rewriter_config_pb2
from tensorflow.python.eager import context  # which options a function is called with has no public name


@contextmanager
def without_memory_optimiser(left_out: bool) -> Iterator[None]:
    """Functions that are traced and called within it do without that rewriting, if it is to be left out."""
    if not left_out:
        yield
        return
    here = context.context()
    before, config = here.function_call_options, config_pb2.ConfigProto()
    config.CopyFrom(here.config)
    config.graph_options.rewrite_options.memory_optimization = rewriter_config_pb2.RewriterConfig.NO_MEM_OPT
    here.function_call_options = context.FunctionCallOptions(config_proto=config)
    try:
        yield
    finally:
        here.function_call_options = before
