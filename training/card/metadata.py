"""The head of a Hugging Face card: YAML."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# The names of https://huggingface.co/tasks.
PIPELINES = {
    ("tabular", "classification"): "tabular-classification",
    ("tabular", "regression"): "tabular-regression",
    ("vision", "classification"): "image-classification",
    ("text", "classification"): "text-classification",
    ("decoder", "language_modelling"): "text-generation",
    ("speech", "classification"): "audio-classification",
}


def card_metadata(card: Mapping[str, Any]) -> str:
    """https://huggingface.co/docs/hub/model-cards#evaluation-results"""
    model, evaluation = card["model"], card["evaluation"]
    pipeline = PIPELINES.get((model["family"], model["task"]), model["task"])
    lines = [
        "---",
        "library_name: onnx",
        f"pipeline_tag: {pipeline}",
        "model-index:",
        f"- name: {json.dumps(model['name'])}",
        "  results:",
        "  - task:",
        f"      type: {pipeline}",
        "    dataset:",
        f"      name: {json.dumps(card['data']['source'])}",
        f"      type: {json.dumps(card['data']['source'])}",
        f"      split: {evaluation['split']}",
        "    metrics:",
    ]
    for metric, found in evaluation["metrics"].items():
        lines += [f"    - type: {metric}", f"      value: {json.dumps(found['value'])}"]
    return "\n".join([*lines, "---"])
