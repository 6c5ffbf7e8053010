"""The data that recipes name: its schema, and the rows that come with a package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.data.tables.table import Schema, Table
from training.errors import MissingPackage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Source:
    """A schema and a function that gives the bundled rows."""

    schema: Schema
    bundled: Callable[[], Table]


_DIGITS = Schema(
    columns=tuple(f"pixel_{i}" for i in range(64)),
    label="label",
    classes=tuple(map(str, range(10))),
)
_DIABETES = Schema(
    columns=("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
    label="progression",
)
_WINE = Schema(
    columns=(
        *("alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols"),
        *("flavanoids", "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue"),
        *("od280_od315", "proline"),
    ),
    label="cultivar",
    classes=("1", "2", "3"),
)
_BREAST_CANCER = Schema(
    columns=tuple(
        f"{statistic}_{measure}"
        for statistic in ("mean", "error", "worst")
        for measure in (
            *("radius", "texture", "perimeter", "area", "smoothness", "compactness"),
            *("concavity", "concave_points", "symmetry", "fractal_dimension"),
        )
    ),
    label="diagnosis",
    classes=("malignant", "benign"),
)


def _digits() -> Table:
    """8x8 images of handwritten digits, pixels 0 to 16, row by row."""
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError:
        raise MissingPackage("scikit-learn") from None
    values, labels = load_digits(return_X_y=True)
    return Table(_DIGITS, values.astype(np.float32), labels.astype(np.int64))


def _diabetes() -> Table:
    """442 patients: age, sex, body mass index, blood pressure and six blood measurements, in the
    units they were taken in, and a measure of the disease's progression a year later, 25 to 346.

    Efron, Hastie, Johnstone, Tibshirani, Least Angle Regression, Annals of Statistics 32 (2004).
    """
    try:
        from sklearn.datasets import load_diabetes
    except ModuleNotFoundError:
        raise MissingPackage("scikit-learn") from None
    values, labels = load_diabetes(return_X_y=True, scaled=False)
    return Table(_DIABETES, values.astype(np.float32), labels.astype(np.float32))


def _wine() -> Table:
    """178 wines of three cultivars of one region, by 13 chemical measurements.

    Forina and others, Parvus; UCI repository (1991).
    """
    try:
        from sklearn.datasets import load_wine
    except ModuleNotFoundError:
        raise MissingPackage("scikit-learn") from None
    values, labels = load_wine(return_X_y=True)
    return Table(_WINE, values.astype(np.float32), labels.astype(np.int64))


def _breast_cancer() -> Table:
    """569 tumours, 357 of them benign, by ten measures of their cells' nuclei: the mean, its
    standard error, and the mean of the three largest.

    Wolberg, Street, Mangasarian, Breast Cancer Wisconsin (Diagnostic); UCI repository (1995).
    """
    try:
        from sklearn.datasets import load_breast_cancer
    except ModuleNotFoundError:
        raise MissingPackage("scikit-learn") from None
    values, labels = load_breast_cancer(return_X_y=True)
    return Table(_BREAST_CANCER, values.astype(np.float32), labels.astype(np.int64))


SOURCES: Mapping[str, Source] = {
    "breast_cancer": Source(_BREAST_CANCER, _breast_cancer),
    "diabetes": Source(_DIABETES, _diabetes),
    "digits": Source(_DIGITS, _digits),
    "wine": Source(_WINE, _wine),
}
