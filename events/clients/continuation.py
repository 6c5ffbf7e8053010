"""A beginning to the words that may follow, and how usual it is to the model:
`python continuation.py MODEL tokenizer.json "In the beginning"`.

Needs `pip install "tritonclient[http]" tokenizers`; the tokenizer is the file beside the model.
INFERMETER_URL and INFERMETER_KEY say where and who.
"""

from __future__ import annotations

import os
import sys

import numpy as np
import tritonclient.http as triton
from tokenizers import Tokenizer

# What the model has seen before every text.
END = "<|endoftext|>"
SHOWN = 5


def main(model: str, tokenizer: str, text: str) -> None:
    """Prints the likeliest next tokens and the text's log likelihood."""
    loaded = Tokenizer.from_file(tokenizer)
    ids = np.array([[loaded.token_to_id(END), *loaded.encode(text).ids]], np.int64)
    tensors = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    inputs = [
        triton.InferInput(name, values.shape, "INT64").set_data_from_numpy(values)
        for name, values in tensors.items()
    ]
    client = triton.InferenceServerClient(os.environ["INFERMETER_URL"].removeprefix("http://"))
    answer = client.infer(model, inputs, headers={"x-api-key": os.environ["INFERMETER_KEY"]})
    logits = answer.as_numpy("next_token_logits")[0].astype(np.float64)
    chances = np.exp(logits - logits.max())
    chances /= chances.sum()
    likelihood = answer.as_numpy("log_likelihood")[0]
    print(f"{likelihood.sum():.1f} nats, {likelihood[1:].mean():.1f} a token: {text!r}")
    for token in np.argsort(chances)[::-1][:SHOWN].tolist():
        print(f"{chances[token]:.0%} {loaded.decode([token])!r}")


if __name__ == "__main__":
    main(*sys.argv[1:])
