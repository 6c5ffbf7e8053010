"""A picture file to a class: `python picture.py MODEL picture.png`.

Needs `pip install "tritonclient[http]" pillow`; INFERMETER_URL and INFERMETER_KEY say where and
who.
"""

from __future__ import annotations

import os
import sys

import numpy as np
import tritonclient.http as triton
from PIL import Image, ImageOps


def main(model: str, path: str) -> None:
    """Prints the three likeliest classes; size and brightness are the graph's own work."""
    client = triton.InferenceServerClient(os.environ["INFERMETER_URL"].removeprefix("http://"))
    headers = {"x-api-key": os.environ["INFERMETER_KEY"]}
    channels = client.get_model_metadata(model, headers=headers)["inputs"][0]["shape"][3]
    picture = ImageOps.exif_transpose(Image.open(path)).convert("L" if channels == 1 else "RGB")
    batch = np.asarray(picture, np.uint8).reshape(1, picture.height, picture.width, channels)
    image = triton.InferInput("image", batch.shape, "UINT8").set_data_from_numpy(batch)
    wanted = triton.InferRequestedOutput("probabilities", class_count=3)
    answer = client.infer(model, [image], outputs=[wanted], headers=headers)
    for value in answer.as_numpy("probabilities")[0]:
        probability, _, name = value.decode().split(":")
        print(f"{name} ({float(probability):.0%})")


if __name__ == "__main__":
    main(*sys.argv[1:])
