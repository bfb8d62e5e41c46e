"""What is known of the lengths of the inputs' axes: declared by the file, required by a node, equal, of the batch."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gru_tf.interchange.onnx.functional.batch_names import BatchNames
from gru_tf.interchange.onnx.functional.sizes import Derived, SymbolicSize, evaluated, named, product, shape_text
from gru_tf.interchange.onnx.values import UnreadableError
from gru_tf.interchange.source import BATCHES, LENGTHS

LONGEST = 1 << 16  # up to which the length that a node requires is searched for
LONGEST_NAME = 80  # of a length that is computed from others
BATCH = (
    "expected the batch to stay an axis of its own, along which nothing is computed, so that each sequence is computed alone"
)


class LearnedError(Exception):
    """Something about the inputs is known now that was not when the graph was begun: it is to be followed again."""


@dataclass
class Knowledge:
    """Names are those of the inputs' axes, "x[1]", and of lengths derived from them.

    Args:
        declared: lengths that the file declares.
        fixed: lengths without which a node cannot be read: the model has only these.
        same: name → the other name that it is equal to.
        batch: names of lengths of the batch; the first axis of each input until a recurrent node shows another.
        single: names of batch lengths whose declared number stands in the file: it computes no other number of rows.
        derived: name → what it is computed by.
        required: the least numbers of entries that nodes need, by size.
        needed: names of those that are fixed because something else than weights has their declared numbers.
    """

    declared: dict[str, int] = field(default_factory=dict)
    fixed: dict[str, int] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)
    batch: BatchNames = field(default_factory=BatchNames)
    single: set[str] = field(default_factory=set)
    derived: dict[str, Derived] = field(default_factory=dict)
    required: dict[SymbolicSize, int] = field(default_factory=dict)
    needed: set[str] = field(default_factory=set)

    def name(self, name: str) -> str:
        """The one name of all lengths that are equal to this."""
        while name in self.same:
            name = self.same[name]
        return name

    def settled(self, size: SymbolicSize, extra: Mapping[str, int] | None = None) -> SymbolicSize:
        """A size with the numbers that are known in the place of names."""
        names = [self.name(name) for name in size.names]
        numbers = evaluated(names, self.derived, dict(extra or {}) | self.fixed, self.name)
        known = [SymbolicSize(numbers[name]) if name in numbers else named(name) for name in names]
        return product([SymbolicSize(size.factor), *known])

    def number(self, size: SymbolicSize) -> int | None:
        """The size as a number, if it is known."""
        return self.settled(size).number

    def verified(self, size: SymbolicSize) -> int:
        """About how many entries there are in the largest batch with which the model is verified."""
        names = [self.name(name) for name in self.settled(size).names]
        return self.settled(size).factor * math.prod(max(BATCHES) if name in self.batch else max(LENGTHS) for name in names)

    def is_batch(self, size: SymbolicSize) -> bool:
        """Whether the batch is a factor of it."""
        return any(self.name(name) in self.batch for name in size.names)

    def window(self, parts: Iterable[SymbolicSize], add: int, stride: int = 1) -> SymbolicSize:
        """The length (sum of the parts + add) // stride + 1."""
        sizes = [self.settled(part) for part in parts]
        add += sum(size.factor for size in sizes if not size.names)
        free = tuple(sorted((size for size in sizes if size.names), key=str))
        if not free:
            number = add // stride + 1
            if number < 1:
                raise UnreadableError(f"expected at least one entry to be left of the axis. Received: {number}")
            return SymbolicSize(number)
        if len(free) == 1 and free[0].factor == 1 and len(free[0].names) == 1:
            inner = self.derived.get(free[0].names[0])
            if inner is not None and inner.stride == 1:
                free, add = inner.parts, add + inner.add + 1
        if stride == 1 and add == -1 and len(free) == 1:
            return free[0]
        derived = Derived(free, add, stride)
        name = str(derived)
        if len(name) > LONGEST_NAME:  # lengths of lengths of lengths would have names without end
            name = next((n for n, own in self.derived.items() if own == derived), f"(length {len(self.derived)})")
        self.derived[name] = derived
        if any(self.is_batch(part) for part in free):
            raise UnreadableError(BATCH)
        return named(name)

    def require(self, size: SymbolicSize, least: int) -> None:
        """Note that a node needs so many entries; where the file declares fewer, these are the only ones.

        Raises:
            LearnedError: in that case.
        """
        declared = self.settled(size, self.declared).number
        if declared is not None and declared < least:
            self.fix_declared([size])
        self.required[size] = max(least, self.required.get(size, 1))

    def fits(self, numbers: Mapping[str, int]) -> bool:
        """Whether every node has an entry at least, and as many as it needs, with these lengths of the inputs' axes."""
        computed = evaluated(self.derived, self.derived, dict(numbers) | self.fixed, self.name)
        if not all(computed.get(name, 1) >= 1 for name in self.derived):
            return False
        sizes = ((self.settled(size, computed | dict(numbers)).number, least) for size, least in self.required.items())
        return all(number is None or number >= least for number, least in sizes)

    def text(self, sizes: Iterable[SymbolicSize]) -> str:
        """Lengths for sentences: (batch, x[1], 4)."""
        settled = [self.settled(size) for size in sizes]
        return shape_text(
            SymbolicSize(s.factor, tuple("batch" if name in self.batch else name for name in s.names)) for s in settled
        )

    # --- learned ---

    def call_alike(self, name: str, first: str) -> None:
        """Let two axes have the same length, to which the file gives one name."""
        one, other = self.name(name), self.name(first)
        if one != other:
            self.same[one] = other

    def guess_batch(self, names: Sequence[str]) -> None:
        """Take the first axis of an input for the batch, unless one is known."""
        if self.name(names[0]) == names[0] and not any(self.name(name) in self.batch for name in names):
            self.batch.guess(names[0])

    def learn_batch(self, names: set[str]) -> None:
        """Let these be the names of the batch, as a recurrent node shows.

        Raises:
            LearnedError: if that was not known.
            UnreadableError: if another recurrent node has another axis of the same input for the batch.
        """
        try:
            new = self.batch.show(names) if self.roots(map(named, names)) == names else None
        except ValueError:
            new = None
        if new is None:
            received = ", ".join(sorted(names))
            raise UnreadableError(f"expected the batch that other recurrent nodes have. Received: {received}")
        if new:
            raise LearnedError

    def note_rows(self, size: SymbolicSize, rows: int) -> None:
        """Note that the file computes batches of so many rows only; each of them is computed alone."""
        for name in map(self.name, size.names):
            if self.declared.setdefault(name, rows) != rows:
                raise UnreadableError(f"expected states of {self.declared[name]} sequences. Received: {rows}")
            self.single.add(name)

    def fix(self, name: str, number: int) -> None:
        """Let a length have this number in the model; raises LearnedError, or UnreadableError if it has another."""
        name = self.name(name)
        if name in self.derived:
            self._fix_parts(name, number)
        declared = self.fixed.get(name, self.declared.get(name, number))
        if declared != number or number < 1:
            raise UnreadableError(f"expected length {declared} of axis {name}. Received: {number}")
        self.fixed[name] = number
        self.batch.doubt([name])
        raise LearnedError

    def fix_declared(self, sizes: Iterable[SymbolicSize]) -> None:
        """Let all declared lengths in these sizes have their numbers; returns only if there is none."""
        names = self.roots(sizes)
        lengths = {name: self.declared[name] for name in names if name in self.declared and name not in self.fixed}
        if lengths:
            self.fixed.update(lengths)
            self.needed |= set(lengths)
            self.batch.doubt(lengths)
            raise LearnedError

    def roots(self, sizes: Iterable[SymbolicSize]) -> set[str]:
        """Names of the inputs' axes that sizes come from."""
        waiting = [self.name(name) for size in sizes for name in size.names]
        names: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in names:
                names.add(name)
                parts = self.derived[name].parts if name in self.derived else ()
                waiting.extend(self.name(part) for size in parts for part in size.names)
        return {name for name in names if name not in self.derived}

    def fix_declared_one(self, size: SymbolicSize) -> None:
        """Let the batch be 1 where the file declares this; returns only if it does not."""
        if all(self.declared.get(name) == 1 for name in self.roots([size])):
            self.fix_declared([size])

    def _fix_parts(self, name: str, number: int) -> None:
        derived = self.derived[name]
        self.fix_declared(derived.parts)
        roots = self.roots(derived.parts)
        if len(roots) == 1 and all(size.factor == 1 and len(size.names) == 1 for size in derived.parts):
            root = roots.pop()
            fitting = [n for n in range(1, LONGEST) if self.settled(named(name), {root: n}).number == number][:2]
            if len(fitting) == 1:
                self.fix(root, fitting[0])
        raise UnreadableError(
            f"expected the length {derived} to be {number}, for which several lengths of the input would do"
        )

    def equate(self, one: SymbolicSize, other: SymbolicSize) -> None:
        """Note that two sizes are equal; raises UnreadableError if they cannot be.

        Raises:
            LearnedError: if something is known now that was not.
        """
        one, other = self.settled(one), self.settled(other)
        if one == other:
            return
        if one.names and other.names and one.factor == other.factor == 1 and len(one.names) == len(other.names) == 1:
            self._unite(one.names[0], other.names[0])
        if one.number is not None:
            one, other = other, one
        if other.number is not None and len(one.names) == 1 and not other.number % one.factor:
            self.fix(one.names[0], other.number // one.factor)
        self.fix_declared((one, other))
        raise UnreadableError(f"expected equal lengths. Received: {one} and {other}")

    def _unite(self, one: str, other: str) -> None:
        """Let two names be one; a derived length is known by the inputs' axis that it must be equal to."""
        if one in self.derived and other in self.derived:
            self.fix_declared((named(one), named(other)))
            raise UnreadableError(f"expected equal lengths. Received: {one} and {other}")
        if one in self.derived:
            one, other = other, one
        if other in self.derived:
            self.fix_declared((named(other),))
            raise UnreadableError(f"expected equal lengths. Received: {one} and {other}")
        numbers = {name: self.declared[name] for name in (one, other) if name in self.declared}
        if len(set(numbers.values())) > 1:
            raise UnreadableError(f"expected equal lengths. Received: {numbers[one]} and {numbers[other]}")
        self.declared.update(dict.fromkeys((one, other), number) if (number := next(iter(numbers.values()), 0)) else {})
        try:
            self.batch.unite(one, other)
        except ValueError:
            raise UnreadableError(BATCH) from None
        self.same[other] = one
        raise LearnedError
