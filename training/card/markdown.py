"""The card as Markdown, for people: every word of it from the JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from training.card.document import SPLIT
from training.card.metadata import card_metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Document = Mapping[str, Any]

NAMES = {
    "accuracy": "accuracy",
    "loss": "loss, nats per row",
    "macro_f1": "macro F1",
    "brier_score": "Brier score, 0 to 2",
    "top_5": "right class among the likeliest 5",
    "r2": "R²",
    "mae": "mean absolute error",
    "rmse": "root of the mean square error",
    "bias": "bias, prediction minus number",
    "nats_per_token": "nats per token",
    "nats_per_character": "nats per character",
    "perplexity": "perplexity",
}
# A table of more is wider than a page.
MOST_COLUMNS = 12


def card_markdown(card: Document) -> str:
    """One text, with the metadata of a Hugging Face card at its head."""
    parts = [
        card_metadata(card),
        f"# {card['model']['name']}",
        card["intended_use"]["purpose"] or "The recipe does not say what the model is for.",
        *_model(card["model"]),
        *_limits(card),
        *_data(card["data"]),
        *_evaluation(card["evaluation"]),
        *_training(card["training"]),
        *_compression(card),
        *_use(card["use"]),
    ]
    return "\n\n".join(parts) + "\n"


def _model(model: Document) -> Iterable[str]:
    yield "## Model"
    network = {name: _words(value) for name, value in model["network"].items()}
    yield _table(
        ("", ""),
        [
            ("family", model["family"]),
            ("task", model["task"].replace("_", " ")),
            ("network", ", ".join(f"{name} {value}" for name, value in network.items())),
            ("parameters", f"{model['parameters']:,}"),
            ("files", f"{model['bytes']:,} bytes, ONNX"),
        ],
    )


def _limits(card: Document) -> Iterable[str]:
    yield "## Limits"
    evaluation = card["evaluation"]
    judged = (
        f"Judged on {evaluation['rows']:,} rows of the {evaluation['split']} split, which are of "
        "the same kind as those that it was trained on. Rows of another kind were not tried."
    )
    yield _list([*card["intended_use"]["limits"], judged])


def _data(data: Document) -> Iterable[str]:
    yield "## Data"
    if data["about"]:
        yield data["about"]
    counted = ", ".join(
        f"{name.replace('_', ' ')} {count:,}" for name, count in data["rows"].items()
    )
    yield _table(
        ("", ""), [("read from", data["source"]), ("digest", data["digest"]), ("rows", counted)]
    )
    splits = data["splits"]
    classes = [*next(iter(splits.values())).get("classes", {})]
    shown = classes if len(classes) <= MOST_COLUMNS else []
    yield _table(
        ("split", "rows", *shown),
        [
            (name, f"{found['rows']:,}", *(f"{found['classes'][each]:,}" for each in shown))
            for name, found in splits.items()
        ],
    )


def _evaluation(evaluation: Document) -> Iterable[str]:
    yield "## Evaluation"
    others = [name for name in ("baseline", "naive") if name in evaluation]
    split, rows = evaluation["split"], evaluation["rows"]
    yield f"On the {split} split, {rows:,} rows. {evaluation['intervals']}"
    yield _list(f"{name}: {evaluation[name]}" for name in others)
    lines = []
    for metric, found in evaluation["metrics"].items():
        row = [NAMES.get(metric, metric), _figure(found)]
        for other in (found[name] for name in others):
            row += [_number(other["value"]), _difference(other)]
        lines.append(row)
    header = [cell for name in others for cell in (name, f"better than {name}?")]
    yield _table(("", "model", *header), lines)
    yield from _calibration(evaluation)
    if "residuals" in evaluation:
        residuals = evaluation["residuals"]
        spread = ", ".join(
            f"{float(share) * 100:.0f} % below {_number(value)}"
            for share, value in residuals["quantiles"].items()
        )
        yield (
            f"Prediction minus number: standard deviation "
            f"{_number(residuals['standard_deviation'])}; {spread}."
        )


def _calibration(evaluation: Document) -> Iterable[str]:
    if "per_class" not in evaluation:
        return
    yield (
        "The probability of the class taken and how often it is right differ by "
        f"{_number(evaluation['expected_calibration_error'])} on average (expected calibration "
        "error, ten bins)."
    )
    yield "### By class"
    yield _table(
        ("class", "rows", "precision", "recall", "F1"),
        [
            (
                each["class"],
                f"{each['support']:,}",
                *(
                    _figure({"value": each[name], "interval": each["intervals"][name]})
                    for name in ("precision", "recall", "f1")
                ),
            )
            for each in evaluation["per_class"]
        ],
    )


def _training(training: Document) -> Iterable[str]:
    yield "## Training"
    stages = ", ".join(f"{name} {found['epochs']}" for name, found in training["stages"].items())
    versions = ", ".join(f"{name} {version}" for name, version in training["versions"].items())
    settings = training["settings"].items()
    yield _table(
        ("", ""),
        [
            *((name.replace("_", " "), _words(value)) for name, value in settings),
            ("seed", str(training["seed"])),
            ("epochs trained", stages),
            ("epoch kept", str(training["epoch_kept"])),
            ("device", training["device"]),
            ("processes", str(training["processes"])),
            ("versions", versions),
        ],
    )


def _compression(card: Document) -> Iterable[str]:
    """See `training.compression.outcome.Outcome.lineage`."""
    if "compression" not in card:
        return
    compression = card["compression"]
    yield "## Compression"
    verdict = compression["verdict"]
    yield (
        f"The {compression['exported']} model is served. On the validation split compression costs "
        f"{_number(verdict['loss'])} of {NAMES.get(verdict['metric'], verdict['metric'])}, "
        f"where the recipe allows {verdict['allowed']:g}."
    )
    steps = compression["steps"]
    metrics = [*steps[0]["metrics"][SPLIT]]
    yield _table(
        ("file", "bytes", "gzip", *(NAMES.get(metric, metric) for metric in metrics)),
        [
            (
                step["step"],
                f"{step['bytes']:,}",
                f"{step['gzip_bytes']:,}",
                *(_number(step["metrics"][SPLIT][metric]) for metric in metrics),
            )
            for step in steps
        ],
    )
    compared = {
        NAMES.get(metric, metric): found["dense"]
        for metric, found in card["evaluation"]["metrics"].items()
        if "dense" in found
    }
    if compared:
        yield "Against the dense model, on the test split:"
        yield _list(f"{name}: {_difference(dense)}" for name, dense in compared.items())


def _use(use: Document) -> Iterable[str]:
    yield "## How to call it"
    if use["preprocessing"]:
        yield f"Before the call: {use['preprocessing'].rstrip('.')}."
    rows = [
        (
            kind,
            each["name"],
            each["datatype"],
            _words(each["shape"]),
            _words(each.get("labels", [])),
        )
        for kind in ("inputs", "outputs")
        for each in use[kind]
    ]
    yield _table(("", "name", "datatype", "shape, -1 where open", "labels"), rows)
    yield f"`POST {use['route']}` (Open Inference Protocol, version 2)"
    if "request" in use:
        yield f"```json\n{json.dumps(use['request'])}\n```"


def _figure(found: Document) -> str:
    if found["value"] is None:
        return "none"
    if found["interval"] is None:
        return _number(found["value"])
    low, high = found["interval"]
    return f"{_number(found['value'])} ({_number(low)} to {_number(high)})"


def _difference(other: Document) -> str:
    if "verdict" not in other:
        return ""
    found = f"{other['verdict']}: {other['difference']:+.3g}"
    if other["interval"] is None:
        return found
    low, high = other["interval"]
    return f"{found} ({low:+.3g} to {high:+.3g})"


def _number(value: float) -> str:
    """Three digits behind the point, or three in all where there is more before it."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.1f}"


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"* {item}" for item in items)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    """Neither the end of the cell nor of the line."""
    return text.replace("|", "\\|").replace("\n", " ")
