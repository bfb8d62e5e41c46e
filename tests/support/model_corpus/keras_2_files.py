"""Files written by TF-Keras, which is Keras 2."""

from model_corpus.case import Case

CASES: list[Case] = []
