"""A WAV file to the word that is spoken in it: `python sound.py MODEL clip.wav`.

Needs `pip install "tritonclient[http]" scipy`; INFERMETER_URL and INFERMETER_KEY say where and
who.
"""

from __future__ import annotations

import os
import sys
from math import gcd

import numpy as np
import tritonclient.http as triton
from scipy.io import wavfile
from scipy.signal import resample_poly

# What the model's `preprocessing` says: mono, so many samples a second, each in [-1, 1].
RATE = 16_000


def samples_of(path: str) -> np.ndarray:
    """A file's samples as the model takes them, float32 [1, samples]."""
    rate, samples = wavfile.read(path)
    if samples.dtype == np.uint8:
        samples = (samples - 128.0) / 128
    elif samples.dtype.kind == "i":
        samples = samples / -float(np.iinfo(samples.dtype).min)
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    common = gcd(rate, RATE)
    return resample_poly(mono, RATE // common, rate // common).astype(np.float32)[np.newaxis]


def main(model: str, path: str) -> None:
    """Prints the three likeliest words; the spectrogram is the graph's own work."""
    clip = samples_of(path)
    client = triton.InferenceServerClient(os.environ["INFERMETER_URL"].removeprefix("http://"))
    audio = triton.InferInput("audio", clip.shape, "FP32").set_data_from_numpy(clip)
    wanted = triton.InferRequestedOutput("probabilities", class_count=3)
    headers = {"x-api-key": os.environ["INFERMETER_KEY"]}
    answer = client.infer(model, [audio], outputs=[wanted], headers=headers)
    for value in answer.as_numpy("probabilities")[0]:
        probability, _, name = value.decode().split(":")
        print(f"{name} ({float(probability):.0%})")


if __name__ == "__main__":
    main(*sys.argv[1:])
