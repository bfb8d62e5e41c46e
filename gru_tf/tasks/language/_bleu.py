"""BLEU, as computed by sacrebleu, and the constant translation with the highest BLEU.

BLEU = b · exp(¼ Σ_{n=1..4} log p_n),  p_n = share of the translation's n-grams that the reference has, over the whole
corpus, b = min(1, exp(1 − r/c)) for translations of c tokens in all where the references have r.

Reference: K. Papineni, S. Roukos, T. Ward, W.-J. Zhu, "BLEU: a method for automatic evaluation of machine translation",
ACL 2002; M. Post, "A call for clarity in reporting BLEU scores", arXiv 1804.08771, 2018.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from gru_tf.foundation import extras
from gru_tf.foundation.array import Array

ORDER = 4


@cache
def _metric(of_words: bool = False) -> Any:
    metrics = extras.require("sacrebleu.metrics.bleu", "the metric bleu")
    if of_words:
        return metrics.BLEU(tokenize="none", smooth_method="none", force=True)
    return metrics.BLEU(lowercase=True, force=True)  # force: no advice on texts that look tokenised, which sacrebleu logs


def corpus(translations: Sequence[str], references: Sequence[str]) -> float:
    """BLEU of texts, from 0 to 100: sacrebleu's tokenisation 13a, case-insensitive, one reference each.

    Raises:
        UserError: where sacrebleu is not installed.
    """
    return float(_metric().corpus_score(list(translations), [list(references)]).score)


def of_words(translations: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> float:
    """BLEU of words that are separated already, from 0 to 100, not smoothed, one reference each; raises as `corpus`."""
    texts = ([" ".join(words) for words in sentences] for sentences in (translations, references))
    written, wanted = texts
    return float(_metric(of_words=True).corpus_score(written, [wanted]).score)


def signature(of_words: bool = False) -> str:
    """How `corpus` or `of_words` computes BLEU: sacrebleu's signature, its version included."""
    metric = _metric(of_words)
    metric.corpus_score(["a"], [["a"]])  # sacrebleu knows the number of references once it has had some
    return str(metric.get_signature())


def best_constant(words: Array, lengths: Array) -> int:
    """The sentence that has the highest BLEU as the translation of every one of them; the first of equals.

    A constant matches an n-gram for the k-th time in as many references as have it k times or more, so these are counted
    once for all candidates.

    Args:
        words: (words of all sentences,) numbers from 0, one sentence after another.
        lengths: (N,) words of each sentence.
    """
    count, sentence = len(lengths), np.repeat(np.arange(len(lengths)), lengths)
    grams, place = words.astype(np.int64), np.arange(len(words))
    ends, vocabulary = np.cumsum(lengths), int(words.max()) + 1
    logs = np.zeros(count)
    for n in range(1, ORDER + 1):
        matches = np.bincount(sentence[place], weights=_references(grams, sentence[place]), minlength=count)
        with np.errstate(divide="ignore", invalid="ignore"):  # no n-gram of this length: no score
            logs += np.nan_to_num(np.log(matches / (count * (lengths - n + 1.0).clip(0))), nan=-np.inf) / ORDER
        inside = place + n < ends[sentence[place]]
        place = place[inside]
        _, grams = np.unique(grams[inside] * vocabulary + words[place + n], return_inverse=True)
    brevity = np.minimum(0.0, 1.0 - lengths.mean() / lengths)
    return int(np.argmax(logs + brevity))


def _references(grams: Array, sentence: Array) -> Array:
    """For each n-gram, by place: how many sentences have it at least as often as its own sentence up to there."""
    order = np.lexsort((np.arange(len(grams)), grams, sentence))
    g, s = grams[order], sentence[order]
    new = np.append(True, (g[1:] != g[:-1]) | (s[1:] != s[:-1]))
    since = np.arange(len(g))
    times = since - np.maximum.accumulate(np.where(new, since, 0))
    _, where, counts = np.unique(g * (int(times.max()) + 1) + times, return_inverse=True, return_counts=True)
    references = np.empty(len(g))
    references[order] = counts[where]
    return references
