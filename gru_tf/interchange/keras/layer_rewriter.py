"""What graphs and options of Keras 2 need of the rewriter of a file's config, which in turn calls them."""

from typing import Any, Protocol


class LayerRewriter(Protocol):
    """Rewrites the layers of one file for Keras 3; see `gru_tf.interchange.keras.config`.

    Attributes:
        where: the file, for messages.
        keras_2: whether the file is of Keras 2.
    """

    where: str
    keras_2: bool

    def layer(self, config: Any) -> dict[str, Any]:
        """A layer's config, without its place in a graph; raises UserError for a layer that is not known."""

    def known(self, value: Any) -> Any:
        """A value of a Keras 3 config; raises UserError where it contains an object that is not known."""
