"""A row of a CSV file to a class or a number: `python table.py MODEL rows.csv`.

Needs `pip install "tritonclient[http]"`; INFERMETER_URL and INFERMETER_KEY say where and who.
"""

from __future__ import annotations

import csv
import os
import sys

import numpy as np
import tritonclient.http as triton


def main(model: str, path: str) -> None:
    """Prints an answer for each row; a column more than the model takes is the label, left out."""
    client = triton.InferenceServerClient(os.environ["INFERMETER_URL"].removeprefix("http://"))
    headers = {"x-api-key": os.environ["INFERMETER_KEY"]}
    metadata = client.get_model_metadata(model, headers=headers)
    columns = metadata["inputs"][0]["shape"][1]
    output = metadata["outputs"][0]
    with open(path, newline="", encoding="utf-8") as file:
        _, *rows = csv.reader(file)
    table = np.array([row[:columns] for row in rows], np.float32)
    features = triton.InferInput("features", table.shape, "FP32").set_data_from_numpy(table)
    classes = 0 if output["name"] == "prediction" else 1
    wanted = triton.InferRequestedOutput(output["name"], class_count=classes)
    answer = client.infer(model, [features], outputs=[wanted], headers=headers)
    for number, value in enumerate(answer.as_numpy(output["name"])[:, 0], start=1):
        if classes:
            probability, _, name = value.decode().split(":")
            print(f"row {number}: {name} ({float(probability):.0%})")
        else:
            print(f"row {number}: {value:.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
