"""How an experiment was done, in words: size, network, training, search, seeds, intervals, tests."""

from collections.abc import Iterable

from gru_tf.analysis import table_text
from gru_tf.experiment.experiment import Experiment, overlap_of
from gru_tf.experiment.specs import SearchSpec


def protocol(experiment: Experiment) -> Iterable[tuple[str, str]]:
    """(what, how it was done) of an experiment."""
    yield from _in_words(experiment)
    training = experiment.training
    yield "Size", _size(experiment)
    yield "Network", ", ".join(_network(experiment))
    length = f"{training.seconds:g} s" if training.seconds else _setting(experiment, "epochs", f"{training.epochs:,} epochs")
    patience = f"stops after {training.patience} epochs without improvement" if training.patience else ""
    patience = _setting(experiment, "patience", patience)
    batch = _setting(experiment, "batch_size", f"{training.batch_size} sequences per step")
    stop = f" at most; {patience}" if patience else ""
    anew = "; final runs then anew on training and validation split together, up to the best epoch" * training.refit
    yield "Training", f"{length}{stop}; {batch}, in the same order for every cell at the same seed{anew}"
    yield "Optimiser", _optimiser(experiment)
    kernels = "deterministic" if training.deterministic else "not deterministic"
    jit = training.jit if isinstance(training.jit, str) else "yes" if training.jit else "no"
    yield "Kernels", f"{kernels}; {_setting(experiment, 'jit', f'XLA: {jit}')}"
    if experiment.search:
        yield "Search", _search(experiment.search, training.epochs)
    else:
        yield "Search", "none: every cell uses the settings above"
    yield (
        "Final seeds",
        f"{_seeds(experiment.seeds)}; the test split is read once, at the best validation epoch",
    )
    over = "seeds" if experiment.search is None or experiment.search.shared else "replicates"
    scale = "on the metric's logit or logarithm, so that they stay within its range"
    yield "Intervals", f"95 %, over {over}{table_text.conditional(experiment)}, by Student's t {scale}"
    if any(map(overlap_of, experiment.tasks)):
        yield "Splits", f"{table_text.OVERLAP}; cells and baselines are compared split by split"
    yield (
        "Tests",
        (
            "Welch's, or in pairs where the task draws its data from the seed, with Holm's correction over all"
            " cells, baselines, tasks and claims; equivalence by two one-sided tests; cells that sometimes fail by Fisher's"
            " exact test"
        ),
    )


def _in_words(experiment: Experiment) -> Iterable[tuple[str, str]]:
    """What the experiment itself says of the protocol that it follows."""
    if experiment.smaller:
        yield "Smaller than published", experiment.smaller
    if experiment.protocol:
        yield "Protocol", experiment.protocol
    if experiment.not_followed:
        yield "Not followed", "; ".join(text.rstrip(".") for text in experiment.not_followed)


def _search(search: SearchSpec, epochs: int) -> str:
    trials = f"{search.expected_trials(epochs)} {search.tuner} trials for each task and cell"
    which = (
        f"its seed, {search.seed}, is not among the final seeds"
        if search.shared
        else f"anew for each final seed, with {search.seed} plus that seed, which is not among the final seeds"
    )
    return f"{trials} over {', '.join(search.axes)}, chosen on validation; {which}"


def _seeds(seeds: tuple[int, ...]) -> str:
    several = len(seeds) > 3 and seeds == tuple(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]} to {seeds[-1]}" if several else ", ".join(map(str, seeds))


def _setting(experiment: Experiment, name: str, words: str) -> str:
    """The words for a field's value; of one that the search chose, that it did: the value in the file was not used."""
    searched = experiment.search is not None and name in experiment.search.axes
    return f"{name} chosen by the search" if searched else words


def _size(experiment: Experiment) -> str:
    model = experiment.model
    field = "parameters" if model.parameters else "units"
    if model.start is not None:
        return f"{model.size}, a pretrained recurrent part and a new head"
    equal = "the same budget for every cell" if model.parameters else "the same number of units for every cell"
    size = _setting(experiment, field, f"{model.size}, {equal}")
    return size + (", head included" if model.parameters else "")


def _optimiser(experiment: Experiment) -> str:
    training = experiment.training
    rate = _setting(experiment, "learning_rate", f"learning rate {training.learning_rate:g}")
    warmup = _setting(experiment, "warmup", f"warm-up over {100 * training.warmup:g} % of all steps" * (training.warmup > 0))
    decay = _setting(experiment, "decay", f"{training.decay} decay to 0" * (training.decay != "none"))
    rate = ", ".join(words for words in (rate, warmup, decay) if words)
    norm = f"gradients clipped to a norm of {training.clip_norm:g}" if training.clip_norm else "no clipping"
    norm = _setting(experiment, "clip_norm", norm)
    kind = _setting(experiment, "clip", training.clip)
    clipped = norm if norm == "no clipping" else f"{norm} ({kind})"
    return f"{_setting(experiment, 'optimizer', training.optimizer)}, {rate}, {clipped}"


def _network(experiment: Experiment) -> Iterable[str]:
    model = experiment.model
    if model.start is not None:
        yield "as many recurrent layers as the file has"
    else:
        depth = "one recurrent layer" if model.layers == 1 else f"{model.layers} recurrent layers"
        yield _setting(experiment, "layers", depth)
    directions = _setting(experiment, "bidirectional", "in both directions" if model.bidirectional else "")
    if directions:
        yield directions
    yield _setting(experiment, "dropout", f"dropout {model.dropout:g}" if model.dropout else "no dropout")
    stock = model.implementation == "stock"
    kernel = "each cell on its fastest kernel" if stock else "every cell step by step, in the same way"
    yield _setting(experiment, "implementation", kernel)
    scaling = f"each window scaled by itself ({model.scaling})" if model.scaling != "none" else ""
    path = f"a linear path from the last {model.linear_path} steps" if model.linear_path else ""
    if model.quantiles:
        yield "quantiles of each value learned, of which the median is the forecast (mean over levels of the quantile loss)"
    yield from filter(None, (_setting(experiment, "scaling", scaling), _setting(experiment, "linear_path", path)))
