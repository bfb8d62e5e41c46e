"""Files written by PyTorch's own programs."""

from model_corpus.case import Case

CASES: list[Case] = []
