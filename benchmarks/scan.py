"""How much faster training by a parallel scan is than step by step, at one length: `python benchmarks/scan.py`.

    python benchmarks/scan.py [--cells min_gru,min_lstm] [--timesteps 4096] [--batch 32] [--units 64] [--threads 1]

Each case is one training step (loss, gradients, clipping, Adam) as `gru-tf speed` times it; the cases take turns.
"""

import argparse

from gru_tf.foundation import startup


def main():
    """Time the cases and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", default="min_gru,min_lstm")
    for name, default in (
        ("timesteps", 4096),
        ("batch", 32),
        ("units", 64),
        ("features", 32),
        ("threads", 1),
        ("rounds", 3),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    with startup.quiet():
        from gru_tf.experiment.specs import Choice
        from gru_tf.machine.speed import timing
        from gru_tf.machine.speed.cases import Case, Effort
        from gru_tf.machine.speed.measurement import Failure
        from gru_tf.training import trainer

        trainer.configure(options.threads)
    sizes = {name: getattr(options, name) for name in ("timesteps", "batch", "units", "features")}
    cases = [
        Case(cell=Choice(name=cell), path=path, what="train", **sizes)
        for cell in options.cells.split(",")
        for path in ("scan", "scan xla", "custom", "custom xla")
    ]
    effort = Effort(rounds=options.rounds, groups=2)
    results = timing.measure(cases, timing.product_rate(effort), effort)
    times = {(r.case.cell.name, r.case.path): r.median_ms for r in results if not isinstance(r, Failure)}
    for r in results:
        if isinstance(r, Failure):
            print(f"{r.case.label}: failed: {r.error}")
            continue
        steps = times.get((r.case.cell.name, r.case.path.replace("scan", "custom")))
        gain = f", {steps / r.median_ms:.2f} times as fast as step by step" if steps and "scan" in r.kernel_path else ""
        spread = f"{r.median_ms:.0f} ms ({r.low_ms:.0f}–{r.high_ms:.0f})"
        print(f"{r.case.label}: {r.kernel_path}, {spread}, compiled in {r.compile_seconds:.1f} s{gain}")


if __name__ == "__main__":
    main()
