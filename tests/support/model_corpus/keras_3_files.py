"""Files written by Keras 3."""

from model_corpus.case import Case

CASES: list[Case] = []
