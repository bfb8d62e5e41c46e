"""What a build of the kernels' library must answer, without TensorFlow: in the tests' process or in one of its own.

`python core_checks.py quick LIBRARY` compares a few shapes of every cell with the equations in float32, and exits with 3
where they differ. `python core_checks.py bits [LIBRARY]` prints a digest of the results of all shapes, by default those of
the build that `gru_tf.recurrent.kernels` chooses.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import product

import numpy as np
from core_library import Core
from sequence_equations import GATES, STATES, Arrays, Layer, forward, gradient

WITHIN = {"float32": 1e-6, "float64": 1e-12}
CELLS = [Layer(cell, convention) for cell in GATES for convention in (("keep", "write") if "gru" in cell else ("keep",))]
UNITS, FEATURES, BATCH, STEPS = (1, 3, 8, 13, 62), (1, 2, 7, 33), (1, 3, 5, 33), (1, 2, 9)
SHAPES = list(product(BATCH, STEPS, FEATURES, UNITS))
MASKS = ("none", "all real", "right-padded", "left-padded", "gaps", "empty row", "all masked", "one step")
FLAGS = ("go_backwards", "return_sequences", "zero_output_for_mask")


def name_of(layer):
    """For a test's name."""
    flags = [name for name in FLAGS if getattr(layer, name)]
    return "-".join([layer.cell.replace(", ", " "), *([layer.convention] if "gru" in layer.cell else []), *flags])


def mask_named(name, batch, steps, seed=0):
    """A mask (batch, T) of this form; None for none."""
    if name == "none":
        return None
    rng, place = np.random.default_rng([seed, 5]), np.arange(steps)
    lengths = rng.integers(1, steps + 1, size=(batch, 1))
    found = {
        "all real": np.ones((batch, steps), bool),
        "right-padded": place < lengths,
        "left-padded": place >= steps - lengths,
        "gaps": rng.random((batch, steps)) < 0.6,
        "empty row": (place < lengths) & (np.arange(batch)[:, None] != batch // 2),
        "all masked": np.zeros((batch, steps), bool),
        "one step": place == lengths - 1,
    }
    return found[name]


@dataclass(frozen=True)
class Case:
    """A layer, its arrays, and how a loss changes with its result."""

    layer: Layer
    arrays: Arrays
    d_outputs: np.ndarray
    d_states: list

    def in_float64(self):
        """The same numbers, as the equations take them."""
        return replace(self, arrays=self.arrays.astype("float64"))

    def arguments(self):
        """Of `gradient`, by the equations and by the library."""
        return self.layer, self.arrays, self.d_outputs, self.d_states


def made(layer, shape, mask="none", bias=True, dtype="float32", strength=1.0, seed=0):
    """A case of random numbers that float32 holds; with a `strength` of 20 most gates are shut or open."""
    batch, steps, features, units = shape
    rng, gates = np.random.default_rng([seed, *shape]), GATES[layer.cell]

    def normal(*sizes, scale=1.0):
        return (rng.normal(size=sizes) * scale).astype("float32").astype(dtype)

    arrays = Arrays(
        inputs=normal(batch, steps, features),
        states=[normal(batch, units, scale=0.5) for _ in range(STATES[layer.cell])],
        kernel=normal(features, gates * units, scale=0.5 * strength * features**-0.5),
        recurrent_kernel=normal(units, gates * units, scale=0.7 * strength * units**-0.5),
        bias=normal(*layer.bias_shape[:-1], layer.bias_shape[-1] * units, scale=0.3) if bias else None,
        mask=mask_named(mask, batch, steps, seed),
    )
    d_outputs = normal(batch, steps if layer.return_sequences else 1, units)
    return Case(layer, arrays, d_outputs, [normal(batch, units) for _ in arrays.states])


def all_shapes(dtype, layers=tuple(CELLS)) -> Iterator[Case]:
    """Every cell in every shape, with the other choices drawn for each."""
    rng = np.random.default_rng(7)
    for layer, shape in product(layers, SHAPES):
        drawn = replace(layer, **{name: bool(rng.integers(2)) for name in FLAGS})
        yield made(drawn, shape, MASKS[rng.integers(len(MASKS))], bool(rng.integers(2)), dtype)


def all_choices(dtype, layers=tuple(CELLS), shape=(5, 9, 7, 13)) -> Iterator[Case]:
    """Every cell, flag and mask, with and without bias, in one shape."""
    for layer, flags, mask, bias in product(layers, product((False, True), repeat=3), MASKS, (True, False)):
        yield made(replace(layer, **dict(zip(FLAGS, flags, strict=True))), shape, mask, bias, dtype)


def long_batches(dtype, layers=tuple(CELLS)) -> Iterator[Case]:
    """More rows than a thread works on at once, and more rows of deltas than are summed at once."""
    for layer, shape in product(layers, ((150, 3, 5, 17), (2, 300, 2, 9))):
        yield made(layer, shape, "gaps", dtype=dtype, strength=0.7)


def results(functions, case):
    """Name → array of everything that a layer gives and of all gradients, by `forward` and `gradient` of `functions`."""
    result, derived = functions.forward(case.layer, case.arrays), functions.gradient(*case.arguments())
    found = {"last": result.last, "outputs": result.outputs}
    found |= {f"state {n}": state for n, state in enumerate(result.states)}
    return found | {f"gradient by {name}": array for name, array in derived.named().items()}


class Equations:
    """`sequence_equations` as an object with the methods of `Core`."""

    forward, gradient = staticmethod(forward), staticmethod(gradient)


def differences(actual, expected):
    """Name → largest difference, relative to the scale of the array's numbers, which is 1 or more.

    What is not finite in the one counts as no difference where it is not finite in the other.
    """
    assert actual.keys() == expected.keys()
    found = {}
    for name, theirs in expected.items():
        ours = np.asarray(actual[name], "float64")
        assert ours.shape == theirs.shape, f"{name}: {ours.shape} for {theirs.shape}"
        finite = np.isfinite(theirs)
        scale = max(1.0, np.abs(theirs[finite]).max(initial=0.0))
        apart = np.where(finite == np.isfinite(ours), np.abs(np.where(finite, ours - theirs, 0)), np.inf)
        found[name] = apart.max(initial=0.0) / scale
    return found


def wrong(core, case):
    """What the library gives too far from the equations, as a list of words."""
    with np.errstate(all="ignore"):  # infinite inputs are given on purpose
        apart = differences(results(core, case), results(Equations, case.in_float64()))
    within, arrays = WITHIN[str(case.arrays.inputs.dtype)], case.arrays
    form = "no mask" if arrays.mask is None else f"{int((~arrays.mask).sum())} steps of {arrays.mask.size} masked"
    where = f"{name_of(case.layer)}, inputs {arrays.inputs.shape}, {arrays.states[0].shape[1]} units, {form}"
    return [f"{where}: {name} is off by {off:.1e}" for name, off in apart.items() if not off <= within]


def with_infinity(layer, dtype="float32"):
    """A case in which one number of one input is infinite."""
    case = made(layer, (5, 4, 7, 13), "gaps", dtype=dtype)
    case.arrays.mask[3] = True
    case.arrays.inputs[3, 1, 2] = np.inf
    return case


PRODUCTS = ((1, 1, 1), (3, 2, 5), (48, 7, 16), (49, 513, 17), (7, 1100, 3), (150, 33, 62), (0, 3, 2), (3, 0, 2), (3, 2, 0))


def factors(shape, dtype):
    """Two matrices of random numbers, (rows, depth) and (depth, columns)."""
    rows, depth, columns = shape
    rng = np.random.default_rng(shape)
    return rng.normal(size=(rows, depth)).astype(dtype), rng.normal(size=(depth, columns)).astype(dtype)


def products_wrong(core, dtype):
    """The products that are further from those in extended precision than a sum's roundings can take them."""
    for shape in PRODUCTS:
        left, right = factors(shape, dtype)
        exact = left.astype("longdouble") @ right.astype("longdouble")
        bound = np.finfo(dtype).eps * max(1, shape[1]) ** 0.5 * (np.abs(left) @ np.abs(right))
        for transposed in product((False, True), repeat=2):
            if not (np.abs(core.product(left, right, transposed) - exact) <= bound).all():
                yield f"the product of rows, depth and columns {shape} is wrong, transposed {transposed}"


SMALLEST = {"float32": -87.0, "float64": -708.0}  # sigmoid below is a number near the smallest normal one
ULP = 3  # of tanh and sigmoid: a few roundings, and none of them alone


def functions_wrong(core, dtype):
    """What of tanh and sigmoid is off by more than `ULP` units of the last place."""
    for name in ("tanh", "sigmoid"):
        error, x = worst_ulp(core, name, sweep(dtype))
        if not error <= ULP:
            yield f"{name} is off by {error:.2f} units of the last place at {x!r}"


def sweep(dtype):
    """Numbers of all sizes and both signs, many of them where the functions bend."""
    sizes = 2.0 ** np.linspace(-40, 10, 100_001)
    found = np.concatenate([sizes, -sizes, np.linspace(-100, 100, 400_001), np.linspace(-1, 1, 100_001)]).astype(dtype)
    return found[found >= SMALLEST[dtype]]


def worst_ulp(core, name, x):
    """The largest error in units of the last place of the true value, and where it is."""
    exact = x.astype("longdouble")
    true = np.tanh(exact) if name == "tanh" else 1 / (1 + np.exp(-exact))
    errors = np.abs(core.elementwise(name, x) - true) / np.spacing(np.abs(true).astype(x.dtype))
    worst = np.argmax(np.where(np.isnan(errors), np.inf, errors))
    return float(errors[worst]), x[worst]


def quick(core) -> Iterator[str]:
    """What a library is wrong in, in float32: a few shapes that need every line of the source."""
    for layer, flags, mask in product(CELLS, product((False, True), repeat=3), ("none", "gaps")):
        yield from wrong(core, made(replace(layer, **dict(zip(FLAGS, flags, strict=True))), (6, 5, 7, 13), mask))
    for layer in CELLS:
        yield from wrong(core, made(layer, (3, 2, 5, 62), "left-padded", bias=False))
        yield from wrong(core, with_infinity(layer))
    for case in long_batches("float32"):
        yield from wrong(core, case)
    yield from functions_wrong(core, "float32")
    yield from products_wrong(core, "float32")


def digest(core):
    """Of the bits of all results; every NaN counts as the same."""
    found = sha256()
    for dtype in WITHIN:
        for case in (*all_shapes(dtype), *long_batches(dtype), *(with_infinity(layer, dtype) for layer in CELLS)):
            for name, array in results(core, case).items():
                found.update(name.encode() + np.where(np.isnan(array), array.dtype.type(np.nan), array).tobytes())
        for name in ("tanh", "sigmoid"):
            found.update(core.elementwise(name, sweep(dtype)).tobytes())
        for shape in PRODUCTS:
            found.update(core.product(*factors(shape, dtype)).tobytes())
    return found.hexdigest()


def main(task, path=None, threads="1"):
    """See above."""
    if task == "quick":
        found = next(quick(Core(path, threads=2)), None)
        sys.stdout.write(f"{found or 'right'}\n")
        return 3 if found else 0
    from gru_tf.recurrent import kernels
    from gru_tf.recurrent.kernels import library

    sys.stdout.write(f"{path or kernels.build()} {digest(Core(path or library.core(), threads=int(threads)))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
