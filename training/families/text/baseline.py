"""The honest baseline on the same rows: weighted counts of words and of pairs of words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from training.errors import MissingPackage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from training.data.texts.dataset import TextDataset

# What is chosen from on validation: the inverse of the penalty on squared weights.
STRENGTHS = (10.0, 30.0)
# Words and single signs of punctuation.
_PARTS = r"\w+|[^\w\s]"
_ITERATIONS = 300


class Fitted(NamedTuple):
    """What it is, in words; texts to probabilities, float64 [texts, classes]; and texts to a sparse
    matrix of length-one vectors [texts, words and pairs]."""

    model: str
    answer: Callable[[Sequence[str]], NDArray[np.float64]]
    vectors: Callable[[Sequence[str]], Any]


def fit_baseline(dataset: TextDataset) -> Fitted:
    """TF-IDF of words, signs and pairs of them, of the logarithm of their counts, then multinomial
    logistic regression; of `STRENGTHS` the one that is right most often on validation.

    Case and signs stay, which was seen to be better for it. Raises MissingPackage.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
    except ModuleNotFoundError:
        raise MissingPackage("scikit-learn") from None
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, lowercase=False, token_pattern=_PARTS
    )
    train = vectorizer.fit_transform(dataset.train.texts)
    validation = vectorizer.transform(dataset.validation.texts)
    tried = [
        LogisticRegression(C=strength, max_iter=_ITERATIONS).fit(train, dataset.train.labels)
        for strength in STRENGTHS
    ]
    model = max(tried, key=lambda each: each.score(validation, dataset.validation.labels))
    return Fitted(
        f"TF-IDF of words and pairs, logistic regression, C {model.C:g} chosen on validation",
        lambda texts: model.predict_proba(vectorizer.transform(texts)),
        vectorizer.transform,
    )
