"""How an experiment was done, in words: size, network, training, search, seeds, intervals, tests."""

from collections.abc import Iterable

from gru_tf.analysis import table_text
from gru_tf.experiment.experiment import Experiment, overlap_of
from gru_tf.experiment.specs import ModelSpec, SearchSpec, TrainingSpec
from gru_tf.experiment.specs.recipe import OF_OPTIMIZERS
from gru_tf.foundation.errors import counted

ATTENTION = {
    "additive": "additive attention before each step of the decoder",
    "context": "the last state of what was read beside each input of the decoder, no attention",
    "none": "a decoder that begins with the last states of what was read, no attention",
}


def protocol(experiment: Experiment) -> Iterable[tuple[str, str]]:
    """(what, how it was done) of an experiment."""
    yield from _in_words(experiment)
    training = experiment.training
    yield "Size", _size(experiment)
    yield "Network", ", ".join(_network(experiment))
    monitored = f" of {training.monitor}" if training.monitor else ""
    unit = "epochs" if training.steps is None else "looks at validation"
    patience = f"stops after {training.patience} {unit} without improvement{monitored}" if training.patience else ""
    patience = _setting(experiment, "patience", patience)
    batch = _setting(experiment, "batch_size", f"{training.batch_size} sequences per step")
    stop = f" at most; {patience}" if patience else ""
    anew = "; final runs then anew on training and validation split together, up to the best epoch" * training.refit
    order = f"{batch}, in the same order for every cell at the same seed"
    yield "Training", f"{_length(experiment)}{stop}; {order}{anew}{_passes(training)}"
    yield "Optimiser", _optimiser(experiment)
    if training.writes or (experiment.search and any(name.startswith("teacher_") for name in experiment.search.axes)):
        yield "Teacher forcing", _forcing(experiment)
    kernels = "deterministic" if training.deterministic else "not deterministic"
    jit = training.jit if isinstance(training.jit, str) else "yes" if training.jit else "no"
    yield "Kernels", f"{kernels}; {_setting(experiment, 'jit', f'XLA: {jit}')}"
    if experiment.search:
        yield "Search", _search(experiment.search, training.epochs)
    else:
        yield "Search", "none: every cell uses the settings above"
    yield (
        "Final seeds",
        f"{_seeds(experiment.seeds)}; the test split is read once, {_tested(training)}",
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
    return size + model.included


def _optimiser(experiment: Experiment) -> str:
    training = experiment.training
    rate = _setting(experiment, "learning_rate", f"learning rate {training.learning_rate:g}")
    warmup = _setting(experiment, "warmup", f"warm-up over {100 * training.warmup:g} % of all steps" * (training.warmup > 0))
    decay = _setting(experiment, "decay", _decay(training))
    rate = ", ".join(words for words in (rate, warmup, decay) if words)
    norm = f"gradients clipped to a norm of {training.clip_norm:g}" if training.clip_norm else "no clipping"
    norm = _setting(experiment, "clip_norm", norm)
    kind = _setting(experiment, "clip", training.clip)
    clipped = norm if norm == "no clipping" else f"{norm} ({kind})"
    if training.clip_value:
        clipped = _setting(experiment, "clip_value", f"each number of a gradient clipped to ±{training.clip_value:g}")
    parts = [_setting(experiment, name, _parameter(name, getattr(training, name))) for name in OF_OPTIMIZERS]
    noise = f"Gaussian noise of deviation {training.weight_noise:g} on the weights" * (training.weight_noise > 0)
    shorter = f"weight decay {training.weight_decay:g}" * (training.weight_decay > 0)
    rest = [_setting(experiment, name, words) for name, words in (("weight_decay", shorter), ("weight_noise", noise))]
    kind = _setting(experiment, "optimizer", training.optimizer)
    return ", ".join(filter(None, (kind, *parts, rate, clipped, *rest)))


def _decay(training: TrainingSpec) -> str:
    """The words for how the learning rate falls."""
    every, factor = training.decay_every or 1, training.decay_factor or 1.0
    match training.decay:
        case "none":
            return ""
        case "step" | "exponential":
            way = "at once" if training.decay == "step" else "a little at each step"
            words = f"times {factor:g} every {counted(every, 'epoch')}, {way}"
        case "plateau":
            return f"times {factor:g} after {counted(every, 'epoch')} without a better validation metric"
        case _:
            words = f"{training.decay} decay to 0"
    return f"{words}, after {counted(training.decay_start, 'epoch')}" if training.decay_start else words


def _parameter(name: str, value: bool | float | None) -> str:
    """The words for a parameter of the optimiser; none where it is Keras' default."""
    if value is None or value is False:
        return ""
    if name == "momentum" and not value:
        return ""
    return {"nesterov": "Nesterov's", "centered": "centred"}.get(name, f"{name} {value:g}")


def _length(experiment: Experiment) -> str:
    """How long a network is trained."""
    training = experiment.training
    if training.seconds:
        return f"{training.seconds:g} s"
    if training.steps is None:
        return str(_setting(experiment, "epochs", f"{training.epochs:,} epochs"))
    steps = _setting(experiment, "steps", f"{training.steps:,} steps")
    each = f"{training.evaluate_every:,} steps" if training.evaluate_every else "pass over the training split"
    return steps if training.validation == "none" else f"{steps}, validated after each {each}"


def _passes(training: TrainingSpec) -> str:
    """What else is unusual about the passes over the data."""
    parts = {
        "examples drawn anew all the time": training.fresh,
        f"ends where validation reaches {training.monitor or 'the metric'} {training.stop_at}": training.stop_at is not None,
        f"gradients cut every {training.truncate} steps of a sequence": training.truncate is not None,
        "on training and validation split together, nothing is validated": training.validation == "none",
    }
    return "".join(f"; {words}" for words, holds in parts.items() if holds)


def _tested(training: TrainingSpec) -> str:
    """With which epoch's weights."""
    if training.select == "last":
        return "with the weights of the last step"
    return f"at the best validation epoch{f', by {training.monitor}' if training.monitor else ''}"


def _forcing(experiment: Experiment) -> str:
    """With which probability a decoder reads a target in training, and what one coin decides."""
    training = experiment.training
    falls = training.teacher_forcing_decay != "none"
    end = f"falling to {training.teacher_forcing_end:g} ({training.teacher_forcing_decay})" if falls else ""
    parts = {
        "teacher_forcing": f"a target is read with probability {training.teacher_forcing:g}",
        "teacher_forcing_decay": end,
        "teacher_forcing_end": "",
        "teacher_forcing_per": f"one coin for each {training.teacher_forcing_per}",
    }
    return ", ".join(filter(None, (_setting(experiment, name, words) for name, words in parts.items())))


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
    yield from filter(None, (_setting(experiment, name, words) for name, words in _later(model)))
    stock = model.implementation == "stock"
    kernel = "each cell on its fastest kernel" if stock else "every cell step by step, in the same way"
    yield _setting(experiment, "implementation", kernel)
    scaling = f"each window scaled by itself ({model.scaling})" if model.scaling != "none" else ""
    path = f"a linear path from the last {model.linear_path} steps" if model.linear_path else ""
    if model.quantiles:
        yield "quantiles of each value learned, of which the median is the forecast (mean over levels of the quantile loss)"
    attention = ATTENTION.get(model.attention, "")
    if attention := _setting(experiment, "attention", attention):
        yield attention
    yield from filter(None, (_setting(experiment, "scaling", scaling), _setting(experiment, "linear_path", path)))


def _later(model: ModelSpec) -> Iterable[tuple[str, str]]:
    """Field of the network → its words; "" where it is at its default."""
    rates = {"input_dropout": "the first layer's input", "embedding_dropout": "the words of a sequence"}
    for name, words in rates.items():
        rate = getattr(model, name)
        yield name, f"dropout {rate:g} of {words}" if rate else ""
    yield "variational", "the same mask at all steps of a sequence" if model.variational else ""
    yield "tied", "the embedding tied to the output" if model.tied else ""
    yield "residual", "each layer's input added to its output" if model.residual else ""
    yield "layer_norm", "each layer's output normalised" if model.layer_norm else ""
    scale = "" if model.initial_scale is None else f" {model.initial_scale:g}"
    biases = ", biases as in Keras" if model.keep_biases else ""
    yield "initial", "" if model.initial == "keras" else f"initial values {model.initial}{scale}{biases}"
