"""Files written by ONNX exporters, and by hand in their manner."""

from model_corpus.case import Case

CASES: list[Case] = []
