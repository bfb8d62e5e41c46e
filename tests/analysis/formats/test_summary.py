"""An experiment in Markdown, as a dashboard shows it."""

import re

from made_evidence import experiment, results

from gru_tf.analysis.answer import Line
from gru_tf.analysis.evidence import gather
from gru_tf.analysis.formats.summary import escaped, markdown
from gru_tf.experiment.result import RunResult
from gru_tf.experiment.specs import Choice


def test_question_answer_link_and_a_table_a_task():
    found = gather(experiment(), results(experiment()))
    lines = Line("a_task", "gru_reset_before leads", "Settled*"), Line("", "1 of 2 seeds has not finished")
    text = markdown(found, lines, {"The report": "#/there", "Charts": "#/here"})
    blocks = text.split("\n\n")
    assert blocks[:4] == [
        "**Which?**",
        r"**a\_task**: gru\_reset\_before leads; Settled\*",
        "1 of 2 seeds has not finished",
        "[The report](#/there) · [Charts](#/here)",
    ]
    assert blocks[4::2] == ["digits: test accuracy ↑", "adding: test mse ↓"]
    head, rule, *rows = blocks[5].splitlines()
    assert head == r"| cell | units | parameters | mean \[95 % interval\] | baseline | ms/step | seeds |"
    assert rule == "| :-- | --: | --: | --: | --: | --: | --: |"
    assert rows[1].startswith("| **gru** | **"), "the best mean"
    assert [row.count("**") for row in rows] == [0, 2 * 7, 0]
    cells = [row.replace("**", "").strip("| ").split(" | ") for row in rows]
    assert [row[0] for row in cells] == ["rnn", "gru", "lstm"]
    for row, cell in zip(cells, found.task("digits").cells, strict=True):
        mean = re.match(r"([\d.]+) \\\[([\d.]+), ([\d.]+)\\\]", row[3])
        assert [float(number) for number in mean.groups()] == [round(v, len(mean[1]) - 2) for v in cell.row.test]
        assert row[4:] == ["0.1", "2.00" if cell.row.step_ms else "–", "4/4"]


def test_models_without_a_recurrent_network_stand_below_the_cells():
    one = experiment(tasks=["digits"], cells=["rnn", "gru"])
    kind = {"metric": "accuracy", "direction": "max", "chance": 0.1, "started": 0, "seconds": 1, "status": "finished"}
    others = [
        RunResult(run=one.run(one.tasks[0], Choice(name=name), 0, "baseline"), test=test, warning=warning, **kind)
        for name, test, warning in (("logistic", 0.99, ""), ("rocket", None, "left out: too short"))
    ]
    lines = markdown(gather(one, [*results(one), *others])).splitlines()
    assert [line.replace("**", "").split(" | ")[0] for line in lines[-3:]] == ["| rnn", "| gru", "| logistic"]


def test_nothing_yet_invents_nothing():
    text = markdown(gather(experiment(), []))
    assert "| gru | – | – | – | – | – | 0/4 |" in text
    assert "report" not in text
    assert "nan" not in text


def test_what_does_not_fit_is_left_out_whole_and_counted():
    found = gather(experiment(), results(experiment()))
    whole = markdown(found)
    for longest in range(140, len(whole) + 1):
        text = markdown(found, longest=longest)
        assert len(text) <= longest
        assert text == whole or text.endswith(("1 more table: `gru-tf results one`", "2 more tables: `gru-tf results one`"))
    assert text == whole


def test_what_markdown_would_take_for_its_own_is_escaped():
    assert escaped("a_b *c* [d] <e> `f` g|h # \\") == r"a\_b \*c\* \[d\] \<e\> \`f\` g\|h \# \\"
