"""Files written by TensorFlow 1 and 2 and Sonnet, in the manner of their programs."""

from model_corpus.case import Case

CASES: list[Case] = []
