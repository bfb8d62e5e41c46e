"""Takes the numbers of the task pages from a store into measured.json: `python docs/measuring.py STORE adding digits`.

All experiments of the pages are taken where none is named. The store is one that `gru-tf run` filled, so that no number is
copied by hand.
"""

import argparse
import json
from datetime import datetime
from io import StringIO
from statistics import median
from typing import Any

from pages.tasks import EXPERIMENTS, MEASURED, PAGES, experiments_of

from gru_tf.analysis import table_text
from gru_tf.analysis.answer import answer
from gru_tf.analysis.answer.beside import against
from gru_tf.analysis.evidence import TaskEvidence
from gru_tf.analysis.results import Results
from gru_tf.experiment import yaml_file
from gru_tf.experiment.experiment import Experiment
from gru_tf.experiment.fingerprint import BESIDE
from gru_tf.foundation.errors import UserError
from gru_tf.tasks import create


def definition(experiment: Experiment) -> dict[str, Any]:
    """All that decides its numbers, without what is left at its default."""
    return experiment.model_dump(
        mode="json", exclude={"name", "question", "diagnostics", *BESIDE} - {"timing"}, exclude_defaults=True
    )


def measure(name: str, store: str) -> dict[str, Any]:
    """The numbers of a finished experiment for its page; UserError where the store has another one, or a part of it."""
    from gru_tf import suite

    results, experiment = suite.results(name, store), yaml_file.load(EXPERIMENTS / f"{name}.yaml")
    rows = results.table()
    if definition(results.experiment) != definition(experiment) or any(row.seeds < row.wanted for row in rows):
        raise UserError(f"{name}: the store has another definition or a part of it; 'gru-tf run {name}' first")
    gru = next(row for row in rows if row.cell == "gru")
    last = max(results.runs, key=lambda result: result.started)
    metric = create(experiment.tasks[0].name, experiment.tasks[0].options).metric
    return {
        "definition": definition(experiment),
        "metric": gru.metric,
        "direction": gru.direction,
        "chance": gru.chance,
        "solved": metric.solved,
        "gru": gru.test._asdict() if gru.test else None,
        **sizes(experiment),
        "seconds": round(sum(result.seconds for result in results.runs), 1),
        "date": datetime.fromtimestamp(last.started).date().isoformat(),
        "device": last.environment["device"],
        "versions": {package: last.environment["versions"][package] for package in ("tensorflow", "keras")},
        "rival": rival(results.evidence.tasks[0], results),
        "table": printed(experiment, rows),
        "notes": list(table_text.notes(experiment, rows)),
        "answer": [str(line) for line in answer(results.evidence)],
    }


def rival(task: TaskEvidence, results: Results) -> dict[str, Any] | None:
    """The best model without a recurrent network beside the best cell; None where no such model fits the task."""
    model = task.best_baseline
    if model is None or task.best is None:
        return None
    cell, pair = task.cell(task.best), task.pair(model.cell, task.best)
    assert cell.row.test is not None and model.row.test is not None and pair is not None  # noqa: S101, PT018
    fitted = next(r.fitted for r in results.runs if r.fitted and r.run.cell.label == model.cell)
    verdict = task.verdict(pair)
    return {
        "cell": cell.cell,
        "test": cell.row.test._asdict(),
        "parameters": cell.row.parameters,
        "seconds": round(median(cell.training_seconds.values()), 2),
        "model": model.cell,
        "value": model.row.test.mean,
        "size": model.row.parameters,
        "model_seconds": round(fitted.fit_seconds, 3) if fitted else None,
        "verdict": "worse" if verdict == "better" and pair.better != model.cell else verdict,
        "words": against(task, model.cell),
    }


def sizes(experiment: Experiment) -> dict[str, Any]:
    """How many sequences each part has, or tokens where it is one text."""
    import numpy as np

    task = create(experiment.tasks[0].name, experiment.tasks[0].options)
    splits, text = task.splits(np.random.default_rng(0)), task.signature.carried
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test, **splits.more}
    counts = {name: int(part.lengths.sum()) if text else len(part) for name, part in parts.items()}
    return {"unit": "tokens" if text else "sequences", "sizes": counts}


def printed(experiment: Experiment, rows: Any) -> list[str]:
    """The lines of the table that `gru-tf results` prints."""
    from rich.console import Console

    from gru_tf.commands import screen

    console = Console(file=StringIO(), width=80)
    for block in screen.tables(experiment, rows):
        console.print(block)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", help="MLflow tracking URI, such as sqlite:///mlruns/mlflow.db")
    parser.add_argument("names", nargs="*", help="experiments to take from the store (default: all)")
    arguments = parser.parse_args()
    every = [name for page in PAGES.values() for task in page.tasks for name in experiments_of(task)]
    measured = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.is_file() else {}
    measured |= {name: measure(name, arguments.store) for name in arguments.names or every}
    ordered = {name: measured[name] for name in every if name in measured}
    MEASURED.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
