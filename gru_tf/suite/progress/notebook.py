"""What a notebook shows while runs go on: one output that is written over, and a single line when they are done.

It needs IPython alone: a widget would stay in the notebook when it is kept, as a line that says nothing.
"""

import html
import threading
from typing import Any, Self

from gru_tf.experiment.result import RunResult
from gru_tf.suite.progress.state import RunState

PERIOD = 1.0  # seconds between two writings: a run may take minutes, and its clock goes on
WIDTH = 24  # characters of the bar where a notebook shows text alone


class NotebookProgress:
    """An output of the cell that runs: what is being done, a bar of the runs, and the time; at the end one line instead."""

    def __init__(self) -> None:
        self.state, self.text, self.in_phase = RunState(), "starting", True
        self.notes: list[str] = []
        self.handle: Any = None
        self._over = threading.Event()
        self._clock = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> Self:
        from IPython.display import display

        self.handle = display(self._content(), raw=True, display_id=True)  # type: ignore[no-untyped-call]
        self._clock.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *failure: Any) -> None:
        self._over.set()
        self._clock.join()
        done, total = self.state.done, self.state.total
        if kind is not None:
            runs = "before the first run" if total is None else f"after {done:,} of {total:,} runs"
            self._write(_plain([*self.notes, f"Stopped {runs}."]))
        elif total is None:
            self._write(_plain(["All runs were in the store already."]))
        else:
            self._write(_plain([*self.notes, f"{self.state.summed_up(done)}."]))

    def phase(self, text: str) -> None:
        """Something that is no run begins, such as "importing TensorFlow"."""
        self.text, self.in_phase = text, True
        self._write(self._content())

    def look(self, text: str) -> None:
        """A look begins, such as "look 2 of 5: 8 replicates, 3 of 6 pairs decided"."""
        self.state.doing = self.text = text.partition(":")[0]

    def note(self, text: str) -> None:
        """Something that changes what is run: a line that stays."""
        self.notes.append(text)

    def timing(self, title: str, seconds: float, at_most: float) -> None:
        """The networks of a task are being timed."""
        self.phase(f"timing {title}: {seconds:.0f} of at most {at_most:g} s")

    def __call__(self, result: RunResult | None, done: int, total: int) -> None:
        """One more run is done; runs of an earlier call do not count, so that the ETA is right."""
        self.in_phase = False
        if result is None:
            self.state.begin(done, total)
            self.text = self.state.doing
        else:
            self.text = self.state.add(result, done, total)
        self._write(self._content())

    def _go_on(self) -> None:
        while not self._over.wait(PERIOD):
            self._write(self._content())

    def _write(self, content: dict[str, str]) -> None:
        self.handle.update(content, raw=True)

    def _content(self) -> dict[str, str]:
        """What is shown now, as text and as a page."""
        total, new = self.state.total, self.state.done - self.state.before
        if self.in_phase or total is None:
            return _plain([*self.notes, f"{self.text} …"])
        after = f"{self.state.done:,}/{total:,} runs · {self.state.clocks()}"
        missing = max(1, total - self.state.before)
        full = WIDTH * new // missing
        text = f"{self.text} {'━' * full}{'╌' * (WIDTH - full)} {after}"
        drawn = f'{html.escape(self.text)} <progress value="{new}" max="{missing}"></progress> {html.escape(after)}'
        return {
            "text/plain": "\n".join([*self.notes, text]),
            "text/html": "<br>".join([*map(html.escape, self.notes), drawn]),
        }


def _plain(lines: list[str]) -> dict[str, str]:
    return {"text/plain": "\n".join(lines), "text/html": "<br>".join(map(html.escape, lines))}


def in_notebook() -> bool:
    """Whether this is a kernel of Jupyter, whose outputs are a notebook's."""
    import sys

    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
