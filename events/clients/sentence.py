"""A sentence to a class, and to its likeness with others:
`python sentence.py MODEL tokenizer.json "a sentence" ["another" ...]`.

Needs `pip install "tritonclient[http]" openai tokenizers`; the tokenizer is the file beside the
model. INFERMETER_URL and INFERMETER_KEY say where and who.
"""

from __future__ import annotations

import os
import sys

import numpy as np
import tritonclient.http as triton
from openai import OpenAI
from tokenizers import Tokenizer


def main(model: str, tokenizer: str, *sentences: str) -> None:
    """Prints each sentence's class, and how near the others are to the first by their meaning."""
    url, key = os.environ["INFERMETER_URL"], os.environ["INFERMETER_KEY"]
    loaded = Tokenizer.from_file(tokenizer)
    loaded.enable_padding(pad_id=loaded.token_to_id("[PAD]"))
    encodings = loaded.encode_batch(sentences)
    tensors = {
        "input_ids": np.array([each.ids for each in encodings], np.int64),
        "attention_mask": np.array([each.attention_mask for each in encodings], np.int64),
    }
    inputs = [
        triton.InferInput(name, values.shape, "INT64").set_data_from_numpy(values)
        for name, values in tensors.items()
    ]
    client = triton.InferenceServerClient(url.removeprefix("http://"))
    wanted = triton.InferRequestedOutput("probabilities", class_count=1)
    answer = client.infer(model, inputs, outputs=[wanted], headers={"x-api-key": key})
    # The service has the tokenizer too: embeddings take the sentences themselves.
    embedded = OpenAI(base_url=f"{url}/v1", api_key=key).embeddings.create(
        model=model, input=list(sentences)
    )
    vectors = np.array([entry.embedding for entry in embedded.data])
    likeness = vectors @ vectors[0]
    for sentence, value, near in zip(
        sentences, answer.as_numpy("probabilities")[:, 0], likeness, strict=True
    ):
        probability, _, name = value.decode().split(":")
        print(f"{name} ({float(probability):.0%}), {near:.2f} like the first: {sentence}")


if __name__ == "__main__":
    main(*sys.argv[1:])
