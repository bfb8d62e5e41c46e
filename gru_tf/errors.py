"""The one exception for a user's mistake, and the nearest valid name to put in its message."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(ValueError):
    """A mistake that the user can mend: one line saying where, what was received, what was expected."""


def did_you_mean(received: str, valid: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the nearest of `valid`, or "" where none is near."""
    near = get_close_matches(received.lower(), list(valid), n=1, cutoff=0.5)
    return f" Did you mean '{near[0]}'?" if near else ""
