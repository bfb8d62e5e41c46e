"""What marks a cell: choices at the end of a range, best epochs among the last; and what a mark withholds."""

import pytest
from made_evidence import experiment, results
from made_results import result

from gru_tf.analysis import marked as in_words
from gru_tf.analysis.evidence import gather
from gru_tf.analysis.guards import marks_of
from gru_tf.analysis.results import Results
from gru_tf.commands import output
from gru_tf.experiment.ranges import used

RANGE = {"low": 1e-3, "high": 1e-1, "sampling": "log"}


def marked_as(one, made):
    return marks_of(one, made, used(one, made)["digits"])


def tuned(rates, **training):
    recipe = training if "steps" in training else {"epochs": 20, **training}
    one = experiment(
        tasks=["digits"], seeds=len(rates), training=recipe, search={"trials": 8, "space": {"learning_rate": RANGE}}
    )
    made = [result(one, 0, 0, seed) for seed in one.seeds]
    tuned_runs = zip(made, rates, strict=True)
    return one, [r.model_copy(update={"run": r.run.tuned({"learning_rate": rate})}) for r, rate in tuned_runs]


@pytest.mark.parametrize(
    ("rates", "side"),
    [
        ([0.07, 0.08, 0.01, 0.01], "upper end of its range (0.1) by 2 of 4"),  # the last tenth begins at 10^−1.2 = 0.063
        ([0.0015, 0.0011, 0.01, 0.01], "lower end of its range (0.001) by 2 of 4"),
        ([0.07, 0.01, 0.01, 0.01], None),
        ([0.06, 0.06, 0.06, 0.06], None),
        ([0.07, 0.0011, 0.01, 0.01], None),  # one at either end
    ],
)
def test_half_of_the_choices_at_one_end(rates, side):
    marks = marked_as(*tuned(rates))
    assert [mark.what for mark in marks] == ([f"learning_rate chosen at the {side}"] if side else [])
    if side:
        upper = side.startswith("upper")
        assert marks[0].mend == f"widen search.space.learning_rate {'beyond 0.1' if upper else 'below 0.001'}"


def test_of_a_range_that_was_widened_the_new_end_counts():
    """A trial beyond 0.1 says that the range went up to 0.3: 0.09 is no end of that, 0.25 is."""
    one, made = tuned([0.09] * 4)
    trial = result(one, 0, 0, 1000, "trial", validation=0.5)
    trial = trial.model_copy(update={"run": trial.run.tuned({"learning_rate": 0.2})})
    assert marked_as(one, made) != ()
    assert marks_of(one, made, used(one, [*made, trial])["digits"]) == ()
    _, made = tuned([0.25] * 4)
    (mark,) = marks_of(one, made, used(one, [trial])["digits"])
    assert mark.what == "learning_rate chosen at the upper end of its range (0.3) by 4 of 4"


@pytest.mark.parametrize(
    ("epochs", "late"), [([16, 17, 2, 3], 2), ([15, 15, 15, 15], 0), ([19, 2, 3, 4], 0), ([None, 18, 18, None], 2)]
)
def test_half_of_the_best_epochs_among_the_last_fifth(epochs, late):
    """Of 20 epochs the last four are those of index 16 to 19; runs without any are not counted."""
    one, made = tuned([0.01] * 4, patience=3)
    marks = marked_as(one, [r.model_copy(update={"best_epoch": best}) for r, best in zip(made, epochs, strict=True)])
    known = sum(best is not None for best in epochs)
    told = [f"best epoch among the last fifth of 20 in {late} of {known}"] if late else []
    assert [mark.what for mark in marks] == told
    assert [mark.mend for mark in marks] == (["allow more than 20 epochs"] if late else [])


def test_a_training_by_the_clock_is_not_marked():
    """Its epochs are what the time allowed: that is the question it asks."""
    one, made = tuned([0.01] * 2)
    timed = one.model_copy(update={"training": one.training.but(seconds=3.0)})
    assert marked_as(timed, [r.model_copy(update={"best_epoch": 19}) for r in made]) == ()


def test_a_rate_that_decays_is_best_at_its_end():
    one, made = tuned([0.01] * 2, decay="cosine")
    late = [r.model_copy(update={"best_epoch": 19}) for r in made]
    assert marked_as(one, late) == ()
    steady = [r.model_copy(update={"run": r.run.tuned({"decay": "none"})}) for r in late]
    assert len(marked_as(one, steady)) == 1
    by_epochs = {"decay_every": 2, "decay_factor": 0.5}
    for decay, marks in (("step", 0), ("exponential", 0), ("plateau", 1)):
        falling = [r.model_copy(update={"run": r.run.tuned({"decay": decay, **by_epochs})}) for r in late]
        assert len(marked_as(one, falling)) == marks, "a plateau falls where validation says, not by a plan"


def test_the_last_epoch_is_no_mark_where_it_is_tested_anyway_or_the_task_is_solved():
    one, made = tuned([0.01] * 2)
    late = [r.model_copy(update={"best_epoch": 19}) for r in made]
    assert len(marked_as(one, late)) == 1
    assert marked_as(one, [r.model_copy(update={"solved": True}) for r in late]) == ()
    assert len(marked_as(one, [r.model_copy(update={"solved": False}) for r in late])) == 1
    last = one.model_copy(update={"training": one.training.but(select="last")})
    assert marked_as(last, late) == ()


def test_of_a_training_by_steps_its_stretches_are_counted():
    """45 steps are five stretches of ten, of which the last one has five steps: the last fifth is one stretch."""
    one, made = tuned([0.01] * 2, steps=45, evaluate_every=10)
    assert marked_as(one, [r.model_copy(update={"best_epoch": 3}) for r in made]) == ()
    (mark,) = marked_as(one, [r.model_copy(update={"best_epoch": 4}) for r in made])
    assert mark.what == "best epoch among the last fifth of 5 in 2 of 2"
    assert mark.mend == "allow more than 5 looks at validation with a patience"


def marked(cell):
    one = experiment(tasks=["digits"], training={"epochs": 10})
    return gather(one, [r.model_copy(update={"best_epoch": 9 if r.run.cell.name == cell else 2}) for r in results(one)])


def test_nothing_is_called_better_than_a_marked_cell():
    (task,) = marked("rnn").tasks
    pair = task.pair("gru", "rnn")
    assert pair.significant
    assert (task.verdict(pair), task.better(pair), task.withheld(pair)) == ("withheld", None, "rnn")
    assert "rnn" in task.inconclusive


def test_that_a_marked_cell_is_better_stands():
    (task,) = marked("gru").tasks
    pair = task.pair("gru", "rnn")
    assert (task.verdict(pair), task.better(pair), task.withheld(pair)) == ("better", "gru", "")


@pytest.mark.parametrize(("level", "verdict", "by"), [(0.9, "withheld", "gru"), (0.995, "equivalent", "")])
def test_an_equivalence_with_a_marked_cell_is_withheld_where_it_could_gain_more_than_the_margin(level, verdict, by):
    one = experiment(tasks=["digits"], cells=["rnn", "gru"], training={"epochs": 10}, seeds=4)
    near = {"rnn": [level, level + 1e-4, level + 2e-4, level], "gru": [level + 1e-4, level, level + 1e-4, level + 2e-4]}
    kind = {"metric": "accuracy", "direction": "max", "chance": 0.1}
    made = [
        result(one, 0, place, seed, test=test, score=(test - 0.1) / 0.9, best_epoch=9 if cell == "gru" else 2, **kind)
        for place, cell in enumerate(near)
        for seed, test in enumerate(near[cell])
    ]
    (task,) = gather(one, made).tasks
    pair = task.pair("rnn", "gru")
    assert pair.equivalent
    assert (task.verdict(pair), task.withheld(pair)) == (verdict, by)
    (task,) = gather(one, [r.model_copy(update={"best_epoch": 2}) for r in made]).tasks
    assert task.verdict(task.pair("rnn", "gru")) == "equivalent"


def test_every_format_says_which_cell_may_not_be_at_its_best(capsys):
    one, made = tuned([0.09] * 4)
    kind = {"test": 0.5, "score": 0.4, "chance": 0.1, "metric": "accuracy", "direction": "max"}
    found = Results(one, tuple(r.model_copy(update=kind) for r in made))
    cell = one.cells[0].label
    text = f"digits, {cell} may not be at its best: learning_rate chosen at the upper end of its range (0.1) by 4 of 4"
    (line,) = in_words.marked(found.evidence)[one.tasks[0].label]
    assert line == f"{text}: widen search.space.learning_rate beyond 0.1. Until then no cell is called better than it."
    assert text in found.text("markdown").replace("\\", "")
    assert text in found.text("latex").replace("\\", "")
    assert text in found._repr_html_()
    output.conclude(found)
    assert text in " ".join(capsys.readouterr().out.split())


def test_a_cell_that_is_nearly_perfect_has_little_to_gain():
    one, made = tuned([0.09] * 4)
    kind = {"test": 0.999, "score": 0.999, "chance": 0.1, "metric": "accuracy", "direction": "max"}
    (line,) = in_words.marked(Results(one, tuple(r.model_copy(update=kind) for r in made)).evidence)[one.tasks[0].label]
    assert line.endswith("by 4 of 4; there is little to gain, as its score is nearly perfect.")
