"""Results and what they say: statistics, verdicts, answer, formats, report."""
