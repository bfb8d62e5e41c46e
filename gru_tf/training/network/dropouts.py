"""What is dropped between the layers of a network: of its input, of its words, and of what each recurrent layer gives.

    x ← dropout(x; `input_dropout`)           what the first recurrent layer reads
    y ← dropout(y; `dropout`)                 what each recurrent layer gives                        (Zaremba et al. 2014)

With `variational` a sequence has one mask for all its steps, d ∘ x_t / (1 − p) with d of the width of x_t (Gal and
Ghahramani 2016, arXiv 1512.05287, eq. 7). The output of a last layer that gives one step alone is dropped as ever.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gru_tf.experiment.specs import ModelSpec
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import Signature

FIELDS = ("dropout", "input_dropout", "embedding_dropout")  # of a `ModelSpec`: variables of the compiled step
AT_ALL_STEPS = (None, 1, None)


def check(model: ModelSpec, signature: Signature) -> None:
    """Raise UserError for words that are dropped where there are none."""
    if model.embedding_dropout and not signature.tokens:
        received = f"model.embedding_dropout: received {model.embedding_dropout:g}"
        raise UserError(f"{received}, expected 0: this task has no words. model.input_dropout drops numbers")
    if model.embedding_dropout and signature.decoded:
        received = f"model.embedding_dropout: received {model.embedding_dropout:g}"
        written = "this task's answer is written token by token, by a decoder that would drop other words than it was given"
        raise UserError(f"{received}, expected 0: {written}. model.input_dropout drops numbers of both embeddings")


def rates(model: ModelSpec) -> Mapping[str, float]:
    """Field → rate."""
    return {name: getattr(model, name) for name in FIELDS}


def field_of(layer: Any) -> str:
    """The field whose rate a layer has that is called as `of_input` and `of_words` call theirs."""
    return next((name for name in FIELDS[1:] if name in layer.name), FIELDS[0])


def of_output(y: Any, model: ModelSpec, dropout: Callable[..., Any]) -> Any:
    """What a recurrent layer gives, (batch, H) or (batch, T, H), with `model.dropout`."""
    return layer_of_output(model, dropout, len(y.shape) == 3)(y) if model.dropout > 0 else y


def layer_of_output(model: ModelSpec, dropout: Callable[..., Any], over_time: bool = True) -> Any:
    """The layer that drops it."""
    return dropout(model.dropout, **_masks(model, over_time))


def of_input(x: Any, model: ModelSpec, dropout: Callable[..., Any], prefix: str = "") -> Any:
    """What the first recurrent layer reads, (batch, T, I), with `model.input_dropout`."""
    if not model.input_dropout:
        return x
    return dropout(model.input_dropout, name=f"{prefix}input_dropout", **_masks(model))(x)


def of_words(x: Any, words: Any, tokens: int, model: ModelSpec, layer: Callable[..., Any] | None) -> Any:
    """Embedded words (batch, T, I) with `model.embedding_dropout`; as they are without a layer that drops them."""
    if not model.embedding_dropout or layer is None:
        return x
    return layer(model.embedding_dropout, tokens, name="embedding_dropout")(x, words)


def _masks(model: ModelSpec, over_time: bool = True) -> dict[str, Any]:
    return {"noise_shape": AT_ALL_STEPS} if model.variational and over_time else {}
