"""The page "What we found": a claim, a figure, plain words, and numbers from experiments/results and nothing else.

`PYTHONPATH=docs python -m pages.findings` writes it; git has it, so that it is read without building the site. The words
between the numbers are written by hand; tests/whole/test_findings.py asks that the records say what they say.
"""

import textwrap
from pathlib import Path

from gru_tf.analysis.formats.markup import pipes
from gru_tf.analysis.wording import interval, listed, sentence
from pages import recorded
from pages.finding import (
    BESIDE,
    Finding,
    baselines,
    called,
    left,
    outcomes,
    parameters,
    published,
    ratio,
    short,
    step_of,
    units,
    units_of,
    value,
    won_by,
)

PAGE = Path(__file__).resolve().parents[1] / "explanation" / "what_we_found.md"


def counting() -> Finding:
    """Weiss and others 2018."""
    name = "weiss2018_anbn"
    record = recorded.of(name)
    pair = record.pair("counting", "lstm", "gru")

    def least(cell: str) -> str:
        return f"{min(float(run['test accepted_to']) for run in record.of_cell('counting', cell)):.0f}"

    return Finding(
        claim="An LSTM counts, a GRU does not",
        verdict="the LSTM counts further and at every seed; the GRU counts too, to about what it was trained on",
        figure="findings/counting",
        caption="States along 130 a and 130 b, of the LSTM and the GRU with the best validation; red: a wrong prediction",
        records=(name,),
        text=(
            f"""Trained on all strings aⁿbⁿ with n up to 100, two layers of five units accept every n up to
{published(name, "lstm", "accepted_to")} (LSTM, {least("lstm")} at the worst of ten seeds) and
{published(name, "gru", "accepted_to")} (GRU, {least("gru")} at the worst). On strings that are longer by a little the
LSTM is right more often (p = {recorded.number(pair["p_holm"]):.2g}). The figure shows why: one cell of the LSTM rises
by one with each a and falls by one with each b, as Weiss, Goldberg and Yahav found in 2018. A GRU's state stays
between −1 and 1, and counts by steps that get smaller.""",
            """Their LSTM accepts n = 1,000, by a criterion that is easier to meet (each symbol's probability above
0.01); their GRU fails at 38, as the paper is commonly cited. The direction is confirmed, the numbers are not.""",
        ),
    )


def gradients() -> Finding:
    """Whether gates keep gradients alive."""
    return Finding(
        claim="Gates keep gradients alive",
        verdict="after training; before it the plain RNN's reach furthest",
        figure="gradients",
        caption="Norm of the loss's gradient against lag, of one seed; adding two numbers over 30 steps",
        records=("memory",),
        text=(
            f"""With the initial weights that Keras gives, what is left of the gradient after 29 steps is
{left("rnn", "before")} for the RNN, {left("lstm", "before")} for the LSTM and {left("gru", "before")} for the GRU:
medians, least and most of ten seeds. The RNN's recurrent matrix begins orthogonal and loses a factor of four over all
steps; a GRU's gate begins half open, an LSTM's forget gate at 0.73, and both lose more at each.""",
            f"""After training, LSTM and GRU, which solve the task, keep {left("lstm", "after")} and
{left("gru", "after")}; the RNN, which does not, {left("rnn", "after")}. So gates do not keep gradients alive by being
there. They can be trained to, and what an RNN begins with it loses.""",
        ),
    )


def speed() -> Finding:
    """Whether a GRU trains faster."""
    measured = recorded.speed()
    return Finding(
        claim="A GRU trains faster than an LSTM",
        verdict="at equal units and with good kernels; at equal parameters it depends on the size",
        figure="findings/speed",
        caption="Processor time of a training step, 32 sequences of 100 steps with 32 features, one thread",
        records=("memory", "claims"),
        text=(
            f"""At 64 units a GRU's training step takes {ratio("gru", "lstm", "fused", "units")} times as long as an
LSTM's by this project's kernels and {ratio("gru", "lstm", "keras xla", "units")} times by Keras' layers with XLA:
faster, if by a little less than its three quarters of the weights. As Keras ships it on a processor, without XLA, it
is slower: {ratio("gru", "lstm", "keras", "units")} times. Medians of {len(measured["cases"][0]["ms"])} rounds in
turn, with quartiles.""",
            f"""At equal parameters ({units("lstm")} units of an LSTM, {units("gru")} of a GRU, {units("rnn")} of an
RNN) the GRU is slower on all three at this size: {ratio("gru", "lstm", "fused", "parameters")},
{ratio("gru", "lstm", "keras xla", "parameters")} and {ratio("gru", "lstm", "keras", "parameters")} times. An RNN of
64 units takes {ratio("rnn", "lstm", "fused", "units")} times an LSTM's step; at equal parameters
{ratio("rnn", "lstm", "fused", "parameters")}.""",
            f"""That is one size. At 12,000 parameters (*memory*: {units_of("memory", "lstm")} and
{units_of("memory", "gru")} units, 30 steps) a GRU's step takes {step_of("memory", "adding", "gru")} ms and an LSTM's
{step_of("memory", "adding", "lstm")}, so that the GRU is faster there. At 48 units on eight tasks (*claims*) it is
faster on seven, by 6 to 16 %, and on translation by nothing that is shown. No GPU was at hand: with cuDNN it may be
otherwise. `python docs/measuring_speed.py` measures the figure again.""",
        ),
    )


def tasks() -> Finding:
    """Whether GRU and LSTM are equally good."""
    name = "claims"
    overall = recorded.of(name).claims["gru.score > lstm.score"]
    low, high = (float(overall[bound]) for bound in ("low", "high"))
    return Finding(
        claim="A GRU and an LSTM are equally good, and both better than a plain RNN",
        verdict="not settled over all tasks",
        figure="findings/tasks",
        caption="Eight tasks, 48 units each, learning rate searched: means of eight seeds with 95 % intervals",
        records=(name,),
        text=(
            f"""GRU and LSTM: {outcomes(name, "gru", "lstm")}. Over all eight tasks the GRU's score less the LSTM's is
{float(overall["difference"]):.3f} [{low:.3f}, {high:.3f}]: neither a difference nor equivalence is shown by eight
tasks and eight seeds. So these data support neither sentence, that they are equally good or that one is better.""",
            f"""RNN and GRU: {outcomes(name, "gru", "rnn")}. RNN and LSTM: {outcomes(name, "lstm", "rnn")}. Gates pay
on speech and on the sentiment of sentences, and nowhere else here beyond doubt.""",
            """*No verdict* is given where a network might not be at its best yet. Sizes are equal in units, so that
an LSTM has four thirds of a GRU's recurrent weights and four times those of an RNN.""",
        ),
    )


def served() -> Finding:
    """Whether language, translation and speech are served."""
    name = "claims"
    better, _, _ = baselines(name)
    record = recorded.of(name)

    def beside(task: str) -> str:
        best, model = record.best(task), record.best_baseline(task)
        rival = f"; {model.replace('_', ' ')} has {float(record.row(task, model)['mean']):.3g}" if model else ""
        return f"{interval(record.test(task, best))} ({best.upper()}{rival})"

    sst2, text, digits, german = (beside(task) for task in ("sst2", "tiny_shakespeare", "spoken_digits", "multi30k"))
    return Finding(
        claim="Language, translation and speech are what recurrent networks serve",
        verdict="better than the trivial answer on all; where there is a model without a network, no better than it",
        figure="findings/served",
        caption="Speech, sentiment of sentences, characters and translation: means of eight seeds with 95 % intervals",
        records=(name,),
        text=(
            f"""At this size: sentiment of sentences, accuracy {sst2}; the next character, bits {text}; spoken digits,
accuracy {digits}; translation, BLEU {german}, where no other model was fitted. Each is clearly better than the
trivial answer.""",
            f"""Of the six tasks of this experiment that a model without a network was fitted to, the best network is
better on {listed(better)} alone. On characters and on the forecast the n-grams and ridge are far ahead of it; that
these are *better* is said of the LSTM, and withheld of the two whose best epochs are among their last. On the
forecast all networks are worse than the trivial answer. They are small here and the data few: at the sizes of papers
it may be otherwise.""",
        ),
    )


def fewer() -> Finding:
    """Whether a GRU has fewer parameters."""
    row = recorded.of("memory").row
    return Finding(
        claim="A GRU has fewer parameters than an LSTM",
        verdict="holds at equal units, by arithmetic",
        figure="findings/parameters",
        caption="Recurrent weights of 48 units that read 8 numbers a step, and units of networks of 12,000 weights",
        records=("claims", "memory"),
        text=(
            f"""Three blocks of weights in place of four: {parameters("claims", "digits", "gru")} against
{parameters("claims", "digits", "lstm")}, where a plain RNN has {parameters("claims", "digits", "rnn")}. Keras' GRU
has a second bias, so that it is a little more than three quarters. It says nothing of what a weight is worth: at an
equal budget the GRU has {row("adding", "gru")["units"]} units, the LSTM {row("adding", "lstm")["units"]} and the RNN
{row("adding", "rnn")["units"]}. That is why experiments here are equal in parameters unless they say otherwise.""",
        ),
    )


def length() -> Finding:
    """Memory against lag."""
    name = "length"

    def errors(cell: str, *steps: int) -> str:
        return listed([f"{short(name, f'adding(length={n}, longer=1)', cell)} at {n}" for n in steps])

    return Finding(
        claim="A plain RNN loses long memory, and gates keep it",
        verdict="holds for LSTM and GRU over hundreds of steps, not for the forget gate alone as it begins by default",
        figure="findings/length",
        caption="Test error of adding two numbers against the length of the sequence; 5,000 weights, five seeds",
        records=(name,),
        text=(
            f"""Two marked numbers anywhere in a sequence are to be added at its end. The RNN has a mean squared error
of {errors("rnn", 25, 50, 100, 200)} steps, where always to answer 1 has 0.167: it fails between 50 and 100. LSTM
({errors("lstm", 100, 200)}) and GRU ({errors("gru", 100, 200)}) do not notice.""",
            f"""JANET, which has the forget gate alone and begins half open here, is at
{errors("janet", 50, 100, 200)}. As it is built by default it does not keep what LSTM and GRU keep; begun
chronologically, as its authors do, it might.""",
        ),
    )


def losing() -> Finding:
    """Whether very long inputs lose information all the same."""
    name, copied = "length", "bai2018_copy_memory"
    task = "adding(length=400, longer=1)"

    def learned(cell: str) -> str:
        return "{} of {}".format(*recorded.of(name).solved(task, cell))

    return Finding(
        claim="Very long inputs lose information all the same",
        verdict="at 400 steps at some seeds; over 1,000 nothing is learned in 3,000 updates",
        figure="findings/lag",
        caption="Seeds that solve the sum (a score above 0.9), by cell and length; 5,000 weights, five seeds",
        records=(name, copied),
        text=(
            f"""At 400 steps the GRU solves the sum in {learned("gru")} seeds, the LSTM in {learned("lstm")}, JANET in
{learned("janet")} (one of its runs diverged) and the RNN in {learned("rnn")}. A mean says little there: a run either
finds the memory or does not. For LSTM and JANET that is a limit of training, not of the cell: what it can hold,
another seed finds.""",
            f"""To copy ten symbols over 1,000 steps, at the protocol of Bai and others (2018), no network of 12,700
weights learns in 3,000 updates: who writes blanks and guesses has a loss of 0.0204, the RNN
{value(copied, "copy", "rnn")}, the LSTM {value(copied, "copy", "lstm")} and the GRU {value(copied, "copy", "gru")}.
The published numbers, a run each, are no better to speak of.""",
        ),
    )


def forgetting() -> Finding:
    """JANET beside the LSTM."""
    name = "forget_gate"
    sums, music = (recorded.of(name).pair(task, "lstm", "janet") for task in ("adding", "polyphonic"))
    markov = float(recorded.of(name).row("polyphonic", "markov")["mean"])
    return Finding(
        claim="The forget gate alone matches the LSTM",
        verdict="not settled on four tasks: equivalent on one, no difference shown on three; no effect of the bias is shown",
        figure="findings/forget_gate",
        caption="JANET, and LSTMs whose forget bias begins at 1, at 0, and chronologically; 10,000 weights, five seeds",
        records=(name, "length"),
        text=(
            f"""LSTM and JANET: {outcomes(name, "lstm", "janet")}. On sums over 50 steps JANET's error is
{value(name, "adding", "janet")} against {value(name, "adding", "lstm")}, both far below the trivial 0.167 (p =
{recorded.number(sums["p_holm"]):.2g}); over 200 steps it fails where the LSTM does not (see *length*). On music it
has a likelihood of {value(name, "polyphonic", "janet")} where the LSTM has {value(name, "polyphonic", "lstm")} (p =
{recorded.number(music["p_holm"]):.2g}), and no LSTM here clearly beats a Markov chain's {markov:.3g}: at this budget,
with one search of three rates, none of them was at its best after 25 epochs.""",
            f"""Of the LSTM, a bias of 1 and one of 0: {outcomes(name, "lstm", "lstm(forget_bias=0)")}. A bias of 1
and chronological ones: {outcomes(name, "lstm", "lstm(longest=50)")}. JANET's own bias begins at 0 here. Its authors
begin it chronologically, which was not tried, so that this is no test of their claim at its best.""",
        ),
    )


def small_data() -> Finding:
    """How many examples a network needs."""
    name = "small_data"

    def accuracy(task: str) -> str:
        record = recorded.of(name)
        best, model = record.best(task), str(record.best_baseline(task))
        rival = f"{float(record.row(task, model)['mean']):.3g} by {model}"
        return f"{interval(record.test(task, best))} by the {best.upper()}, {rival}"

    def loss(cell: str, examples: int, split: str) -> str:
        return f"{recorded.of(name).mean(f'mnist(examples={examples},', cell, split):.2g}"

    return Finding(
        claim="Little data overfits",
        verdict="holds; and below some thousand images a model without a network is ahead",
        figure="findings/small_data",
        caption="MNIST row by row with 100 to 3,000 training images: accuracy, and loss after the last epoch on both splits",
        records=(name,),
        text=(
            f"""With 100 images the best accuracy is {accuracy("mnist(examples=100,")}; with 300
{accuracy("mnist(examples=300,")}; with 1,000 {accuracy("mnist(examples=1000,")}; with 3,000
{accuracy("mnist(examples=3000,")}. The rocket is significantly better at 100 and by nothing that is shown later; the
network is ahead at 3,000, not significantly.""",
            f"""At every size the networks learn their examples by heart: after the last epoch an LSTM's loss is
{loss("lstm", 100, "last_train_loss")} on training and {loss("lstm", 100, "last_validation_loss")} on validation with
100 images, {loss("lstm", 3000, "last_train_loss")} and {loss("lstm", 3000, "last_validation_loss")} with 3,000. RNN,
LSTM and GRU do not differ significantly at any size.""",
        ),
    )


def needed() -> Finding:
    """Whether sequences need a recurrent network, over all records of real or simulated data with a model beside."""
    cell, model, neither = won_by(BESIDE)
    counts = len(cell), len(model)
    verdict = f"of {len(BESIDE)} tasks, a network is better on {counts[0]}, a model without one on {counts[1]}"
    return Finding(
        claim="Sequences need a recurrent network",
        verdict=verdict,
        figure="findings/needed",
        caption="The best recurrent network of an experiment, and the best model without one; scores, with 95 % intervals",
        records=tuple(dict.fromkeys(name for name, _, _ in BESIDE)),
        text=(
            f"""The best network is significantly better on {listed(cell)}; a model without a network on
{listed(model)}; on {listed(neither)} neither is shown to be better: on characters and oil temperature that model is
far ahead, and the verdict withheld, as the network may not be at its best. The models are ridge regression,
convolutions with random kernels (rocket), nearest neighbours, n-grams, bags of words and a Markov chain, tuned on the
same validation split.""",
            """That is why every comparison of this project fits them beside the cells, and recommends one where it is
ahead ([where you need no network](no_network.md)).""",
        ),
    )


def resets() -> Finding:
    """Conventions of the GRU."""
    name = "conventions"
    return Finding(
        claim="It matters which GRU: reset before or after, z to keep or to write",
        verdict="not shown on four tasks: equivalent on two, undecided on two",
        figure="findings/conventions",
        caption="The GRU of Keras and cuDNN, of Cho and others 2014, and with the update gate turned round; 10,000 weights",
        records=(name,),
        text=(
            f"""Reset after the product and before it: {outcomes(name, "gru", "gru_reset_before")}. A gate that says
how much is kept, and one that says how much is written: {outcomes(name, "gru", "gru(convention=write)")}. The latter
two are the same function of weights with the other sign, so that where they differ it is by the draw of their initial
values. It matters for who brings weights from elsewhere; for accuracy no difference is shown.""",
        ),
    )


def seventeen() -> Finding:
    """All cells at one budget."""
    name = "equal_parameters"
    record = recorded.of(name)
    first = [f"{record.best(task).replace('_', ' ').upper()} on {called(task)}" for task in record.tasks]
    step = {cell: recorded.number(record.row("ucr(name=Italy", cell)["step_ms"]) for cell in ("lstm", "min_gru", "mlstm")}
    return Finding(
        claim="One cell is the best",
        verdict="no: another one has the best mean on each of four tasks, and none is better than all others",
        figure="findings/seventeen",
        caption="Seventeen cells at 10,000 weights on four small real tasks; means of three seeds with 95 % intervals",
        records=(name,),
        text=(
            f"""The best means: {listed(first)}. None of these is significantly better than every other cell, nor than
the best model without a network. Three seeds and {len(record.pairs):,} comparisons at once leave only large
differences; the largest is on airline passengers, where the LRU has a root mean squared error of
{short(name, "airline", "lru")} and the next cell, the RNN, {short(name, "airline", "rnn")}, and ridge
{short(name, "airline", "ridge")}.""",
            f"""Equal parameters are not equal cost: cells that read but one number a step, as the demand of power is,
and whose gates do not see the state have a thousand units for 10,000 weights, and a training step takes
{step["min_gru"]:.0f} ms (minGRU) or {step["mlstm"]:.0f} (mLSTM) where an LSTM's takes {step["lstm"]:.1f}.""",
        ),
    )


HEAD = """# What we found

What tutorials and papers say of RNN, LSTM and GRU, asked of data: one figure a claim, inconvenient answers included. Every
number is from a record in [experiments/results](../../experiments/results), with its protocol, machine, seconds and command,
those of times and gradients from `speed.json` and `gradients.json` beside this page. Intervals are
95 % over seeds, and *better* means significantly so, corrected for everything that an experiment compares
([how verdicts are reached](verdicts.md)). [Published numbers](published.md) stand on a page of their own.

{summary}

All of it was run on two cores of one machine, without a GPU: {runs} runs, {hours} hours of all runs together, second runs by
other seeds and those of [published numbers](published.md#compute) among them. Networks are small (118 to some millions of
weights), so that what is said here is said of small networks.
"""


ORDER = (
    *(fewer, speed, length, losing, gradients, tasks),
    *(forgetting, counting, served, small_data, needed, seventeen, resets),
)


def findings() -> tuple[Finding, ...]:
    """All of them, in the order of the page."""
    return tuple(one() for one in ORDER)


def page() -> str:
    """The text."""
    every = findings()
    rows = [[f"[{one.claim}](#{anchor(one.claim)})", one.verdict] for one in every]
    facts = [f for record in recorded.every() for f in (record.facts, record.further) if f]
    hours = f"{sum(known['seconds']['runs'] for known in facts) / 3600:.1f}"
    runs = f"{sum(known['runs']['all'] for known in facts):,}"
    head = HEAD.format(summary=pipes([["claim", "answer"], *rows], numbers=False), runs=runs, hours=hours)
    return "\n".join([head, *(_section(one) for one in every)])


def anchor(claim: str) -> str:
    """What a heading's address is."""
    return "".join(c for c in claim.lower().replace(" ", "-") if c.isalnum() or c == "-")


def _section(one: Finding) -> str:
    names = [f"[{name}](../../experiments/results/{name})" for name in one.records]
    source = [f"From {listed(names)}."] if names else []
    picture = f"![{one.caption}](../{one.figure}.svg)"
    words = [wrapped(text) for text in one.text]
    head = [f"## {one.claim}", f"**{sentence(one.verdict)}.**", picture, f"*{one.caption}.*"]
    return "\n\n".join([*head, *words, *source]) + "\n"


def wrapped(text: str) -> str:
    """A paragraph in lines as long as the others of the documentation."""
    return textwrap.fill(" ".join(text.split()), 125, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
