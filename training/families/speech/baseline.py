"""The honest baseline: logistic regression over the mean and deviation of a clip's MFCC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from training.families.speech.spectrum import LogMel

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from training.data.dataset import Rows
    from training.recipe import Recipe

MODEL = "logistic regression over the mean and deviation of 20 MFCC"
COEFFICIENTS = 20
_BATCH = 256


def fit_baseline(
    recipe: Recipe, rows: Rows, numbers: NDArray[Any]
) -> Callable[[Rows, NDArray[Any]], NDArray[np.float64]]:
    """Fitted on these rows, standardised; a function from rows to probabilities [rows, classes].

    Every class is among the rows.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(coefficients(recipe, rows, numbers), rows.labels[numbers])

    def probabilities(others: Rows, chosen: NDArray[Any]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = model.predict_proba(coefficients(recipe, others, chosen))
        return found

    return probabilities


def coefficients(recipe: Recipe, rows: Rows, numbers: NDArray[Any]) -> NDArray[np.float64]:
    """Mean and deviation over time of mel-frequency cepstral coefficients, [rows, 2 * 20].

    The cosine transform of the same spectrum that the network sees; Davis and Mermelstein, IEEE
    Transactions on Acoustics, Speech, and Signal Processing 28 (1980).
    """
    from scipy.fft import dct

    network = recipe.network
    spectrum = LogMel(recipe.data.sample_rate, network.mel_bands, network.frame_ms, network.hop_ms)
    found = []
    for start in range(0, len(numbers), _BATCH):
        clips = torch.from_numpy(rows.take(numbers[start : start + _BATCH])[0])
        cepstrum = dct(spectrum(clips).numpy(), axis=1, norm="ortho")[:, :COEFFICIENTS]
        found.append(np.concatenate([cepstrum.mean(axis=2), cepstrum.std(axis=2)], axis=1))
    return np.concatenate(found).astype(np.float64)
