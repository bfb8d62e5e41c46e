"""Numbers that others have published, with all that decides how they may be compared with ours."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from gru_tf.experiment.specs.spec import Positive, Spec
from gru_tf.foundation.errors import did_you_mean, shown
from gru_tf.tasks import MetricName

Text = Annotated[str, Field(min_length=1)]
LARGER = ("accuracy", "balanced_accuracy", "macro_f1", "roc_auc", "bleu", "beam_bleu")  # of all others less is better
KNOWN: tuple[str, ...] = get_args(MetricName)


class Published(Spec):
    """A number that others have published, to compare with ours.

    Args:
        task, cell: of the number, as a claim names them; `cell` may also be the name of a baseline of the task, such as
            "naive" or "ridge", which is then compared.
        metric: of the number; the task's own metric if null. Of a further test split it is SPLIT_METRIC, such as
            "longer_accuracy"; any other name that runs record needs a `direction`.
        direction: of a metric that the suite does not know: "max" where more is better, "min" where less is.
        value: the number.
        decimals: how many the paper prints after the point; null where the value shows them all, as 0.0029 does and 9.10
            does not, which is read as 9.1. As printed, 0.0029 is anything from 0.00285 to 0.00295.
        tag: where it comes from: "read" in the paper's text, "quoted" in another text, "recalled" from memory of the
            paper, or "computed" from the same data by other code. It is shown wherever the number is.
        source: the paper, or what computed it.
        differs: how its protocol differs, such as "T = 600, 70K parameters"; null where no difference is known. It is
            shown wherever the number is, and its verdict is marked.
        not_comparable: why the number cannot be compared with ours at all, such as "averages padded steps in"; it then gets
            no other verdict.
        statistic: what the number is of its runs: "mean", "median", or "best". Ours is made alike, of our seeds.
        runs: how many runs it is of; 1 for a single run; null where the paper does not say.
        uncertainty: what the paper prints after ±; null where it prints none.
        uncertainty_of: what that is: the standard "deviation" of the runs, the half of a 95 % "interval" of the mean, or
            the standard "error" of the mean.
    """

    task: str
    cell: str
    metric: Text | None = None
    direction: Literal["max", "min"] | None = None
    value: float
    decimals: Annotated[int, Field(ge=0, le=15)] | None = None
    tag: Literal["read", "quoted", "recalled", "computed"]
    source: str
    differs: Text | None = None
    not_comparable: Text | None = None
    statistic: Literal["mean", "best", "median"] = "mean"
    runs: Positive | None = None
    uncertainty: Annotated[float, Field(gt=0)] | None = None
    uncertainty_of: Literal["deviation", "interval", "error"] | None = None

    @model_validator(mode="after")
    def _known_metric(self) -> Self:
        if self.metric is None or known_as(self.metric):
            if self.direction is not None:
                raise ValueError(f"direction: expected none of a metric that is known. {self._received('direction')}")
        elif self.direction is None:
            near = did_you_mean(self.metric, KNOWN)
            raise ValueError(
                f"metric: received {shown(self.metric)}, expected one of {', '.join(KNOWN)}, one of a further split such as"
                f" 'longer_accuracy', or another one beside 'direction: max' or 'direction: min'.{near}"
            )
        return self

    @model_validator(mode="after")
    def _whole_uncertainty(self) -> Self:
        if (self.uncertainty is None) != (self.uncertainty_of is None):
            raise ValueError("expected 'uncertainty' and 'uncertainty_of' together")
        if self.uncertainty_of == "deviation" and (self.runs is None or self.runs < 2):
            raise ValueError("runs: expected at least 2 beside 'uncertainty_of: deviation'. " + self._received("runs"))
        if self.uncertainty is not None and self.statistic != "mean":
            raise ValueError("uncertainty: expected none but beside 'statistic: mean'. " + self._received("statistic"))
        return self

    @model_validator(mode="after")
    def _enough_decimals(self) -> Self:
        if self.decimals is not None and round(self.value, self.decimals) != self.value:
            raise ValueError(f"decimals: expected as many as {shown(self.value)} has. " + self._received("decimals"))
        return self

    def _received(self, name: str) -> str:
        return f"Received: {name} {shown(getattr(self, name))}"

    @property
    def places(self) -> int:
        """Decimals as printed; below 0 for none of a number such as 1e20."""
        if self.decimals is not None:
            return self.decimals
        digits, _, power = repr(self.value).partition("e")
        return len(digits.partition(".")[2].rstrip("0") or ("0" if not power else "")) - int(power or 0)

    @property
    def printed(self) -> str:
        """The number as the paper prints it: "9.10", "5.3e-05"."""
        return f"{self.value:g}" if self.decimals is None else f"{self.value:.{self.decimals}f}"

    def is_better(self, direction: str) -> str:
        """Which way its metric goes, "max" or "min"; `direction` is that of the task's own."""
        own = known_as(self.metric) if self.metric else ""
        return self.direction or (("max" if own in LARGER else "min") if own else direction)


def known_as(metric: str) -> str:
    """The metric that the suite knows by this name, or by its end where the name is one of a further split; "" for none."""
    return next((name for name in sorted(KNOWN, key=len, reverse=True) if metric == name or metric.endswith(f"_{name}")), "")
