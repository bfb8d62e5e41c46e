"""Hand-written solutions of the synthetic tasks, in plain Python from each task's definition; of `task` only the options.

A solver takes a part's inputs and returns its targets: values, or classes, (N,) or (N, T). At a step without a target
its answer does not count.
"""

from typing import Any

import numpy as np

# ------------------------------------------------------------------------------------------------- memory, synthetic


def solve_adding(inputs: Any, task: Any) -> Any:
    """The sum of the numbers whose marker is set."""
    return np.array([[sum(float(number) for number, marker in steps if marker == 1)] for steps in inputs])


def numbers(inputs: Any) -> list[list[int]]:
    """One-hot steps as the numbers they stand for; each step has exactly one 1, until a sequence is over."""
    read = inputs.sum(-1) > 0
    assert (np.diff(read.astype(int)) <= 0).all()
    assert (np.sort(inputs, axis=-1)[read] == [0] * (inputs.shape[-1] - 1) + [1]).all()
    return [steps[: there.sum()].argmax(-1).tolist() for steps, there in zip(inputs, read, strict=True)]


def rectangular(answers: list[list[int]], inputs: Any) -> Any:
    """(N, T), with 0 where a sequence is over."""
    return np.array([history + [0] * (inputs.shape[1] - len(history)) for history in answers])


def solve_copy_memory(inputs: Any, task: Any) -> Any:
    """Until the marker and at it nothing; after it what the sequence began with."""
    answers = []
    for steps in numbers(inputs):
        waited = steps.index(inputs.shape[-1] - 1) + 1
        answers.append([0] * waited + steps[: len(steps) - waited])
    return rectangular(answers, inputs)


def solve_temporal_order(inputs: Any, task: Any) -> Any:
    """XX, XY, YX, YY or XXX to YYY, by name."""
    names = ["XX", "XY", "YX", "YY"]
    if task.relevant == 3:
        names = ["XXX", "XXY", "XYX", "XYY", "YXX", "YXY", "YYX", "YYY"]
    words = ["".join("abcdXYEB"[symbol] for symbol in steps) for steps in numbers(inputs)]
    return np.array([names.index("".join(letter for letter in word if letter in "XY")) for word in words])


def solve_parity(inputs: Any, task: Any) -> Any:
    """A bit kept and flipped by every 1."""
    answers = []
    for steps in inputs[..., 0].tolist():
        odd, history = False, []
        for bit in steps:
            odd = odd != (bit == 1)
            history.append(int(odd))
        answers.append(history if task.running else history[-1])
    return np.array(answers)


def solve_selective_copy(inputs: Any, task: Any) -> Any:
    """What is neither noise nor marker, one at each marker; class 0 is token 1."""
    answers = []
    for steps in inputs.tolist():
        symbols = [token for token in steps if 0 < token <= task.alphabet]
        answers.append([symbols.pop(0) - 1 if token > task.alphabet else 0 for token in steps])
        assert not symbols, "more symbols than markers"
    return np.array(answers)


def solve_modular_arithmetic(inputs: Any, task: Any) -> Any:
    """By Python's own arithmetic; no step that is read holds more than one symbol."""
    answers = []
    for steps in inputs:
        read = [int(step.argmax()) for step in steps if step.any()]
        words = [str(symbol) if symbol < task.modulus else "+-*"[symbol - task.modulus] for symbol in read]
        answers.append(eval(" ".join(words)) % task.modulus)  # noqa: S307, of digits and operators
    return np.array(answers)


def solve_reverse_string(inputs: Any, task: Any) -> Any:
    """A stack: pushed while symbols come, popped at each blank."""
    answers = []
    for steps in inputs:
        stack, history = [], []
        for step in steps:
            symbol = int(step.argmax()) if step.any() else task.alphabet
            if symbol < task.alphabet:
                stack.append(symbol)
            history.append(stack.pop() if symbol == task.alphabet and stack else 0)
        answers.append(history)
    return np.array(answers)


def solve_counting(inputs: Any, task: Any) -> Any:
    """Counts a's, and counts down from there once for each letter that follows."""
    answers = []
    for steps in inputs:
        count, left, history = 0, 0, []
        for step in steps:
            symbol = "#abc"[int(step.argmax())] if step.any() else " "
            if symbol == "a":
                count += 1
                left = count
            elif symbol in "bc":
                left = (count if left == 0 else left) - 1
            last = "#ab" if task.language == "anbn" else "#abc"
            follows = {"#": "a", "a": "a", " ": "#"}.get(symbol, symbol)
            if symbol in "bc" and left == 0:
                follows = "#" if symbol == last[-1] else "c"
            history.append("#abc".index(follows))
        answers.append(history)
    return np.array(answers)


def solve_delayed_recall(inputs: Any, task: Any) -> Any:
    """A queue of `lag` symbols."""
    answers = []
    for steps in numbers(inputs):
        queue, history = [0] * task.lag, []
        for symbol in steps:
            queue.append(symbol)
            history.append(queue.pop(0))
        answers.append(history)
    return rectangular(answers, inputs)
