"""The family `text`."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from infermeter.embedding import Embedding
from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES
from training.data.texts.dataset import TextDataset, read_dataset, write_data
from training.data.texts.rows import TextRows, by_length
from training.data.texts.tokenizer import FIRST, PAD, SMALLEST, SPECIAL
from training.errors import InvalidSetting
from training.evaluation.classes import evaluate_classes
from training.families.family import Baseline, Family, judged_rows
from training.families.text.augmentation import HiddenTokens
from training.families.text.baseline import fit_baseline
from training.families.text.neighbours import neighbour_accuracy
from training.families.text.network import ServedText, TextNetwork
from training.families.text.objective import BothAnswers
from training.served import Served
from training.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from training.data.dataset import Rows
    from training.evaluation.evaluation import Evaluation
    from training.families.family import Run, Tensors
    from training.recipe import Recipe

IDS, MASK = "input_ids", "attention_mask"
PROBABILITIES, VECTOR = "probabilities", "sentence_embedding"
TOKENIZER_FILE = "tokenizer.json"
TEST_FILE = "evaluation/test.csv"
NEIGHBOURS_FILE = "evaluation/neighbours.json"
# Attention is one operator from here on.
OPSET = 23
# Tokens of a golden row: it stands in the manifest.
GOLDEN_TOKENS = 16


class Text(Family[TextDataset]):
    """The tokens of a text in, its class and a vector of it out."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        # By split, of the rows that were judged: their numbers, and the vectors [rows, width].
        self._vectors: dict[str, tuple[NDArray[Any], NDArray[np.float32]]] = {}
        self._words: dict[str, Any] = {}

    def write_data(self, folder: Path) -> str:
        """See `Family`."""
        return write_data(self.recipe, folder)

    def read(self, channel: Path | None) -> TextDataset:
        """See `Family`."""
        _check(self.recipe)
        return read_dataset(self.recipe, channel)

    def network(self, dataset: TextDataset) -> nn.Module:
        """See `Family`."""
        vocabulary = dataset.tokenizer.get_vocab_size()
        return TextNetwork(self.recipe.network, vocabulary, len(dataset.classes))

    def stages(self, network: nn.Module, dataset: TextDataset) -> Sequence[Stage]:
        """One, on texts of which some tokens are hidden, each batch of about one length."""
        settings, share = self.recipe.training, self.recipe.data.masked_share
        objective = BothAnswers(
            settings, dataset.train.labels, len(dataset.classes), self.recipe.network.pair_share
        )
        stage = Stage("training", network, settings, dataset.train, dataset.validation, objective)
        order = partial(by_length, dataset.train.lengths)
        return [replace(stage, order=order, augmentation=HiddenTokens(share) if share else None)]

    def served(self, network: nn.Module, dataset: TextDataset) -> Served:
        """`input_ids` and `attention_mask` INT64 [-1, -1] to `probabilities` FP32 [-1, classes]
        and `sentence_embedding` FP32 [-1, width]."""
        fp32, int64 = DATATYPES["FP32"], DATATYPES["INT64"]
        classes, longest = dataset.classes, self.recipe.data.max_tokens
        against_the_rest = self.recipe.training.loss == "binary_crossentropy"
        return Served(
            module=ServedText(_network(network), against_the_rest=against_the_rest),
            signature=Signature(
                (TensorSpec(IDS, int64, (-1, -1)), TensorSpec(MASK, int64, (-1, -1))),
                (
                    TensorSpec(PROBABILITIES, fp32, (-1, len(classes)), classes),
                    TensorSpec(VECTOR, fp32, (-1, self.recipe.network.width)),
                ),
            ),
            judged=PROBABILITIES,
            preprocessing=(
                f"{IDS} are a text's tokens by {TOKENIZER_FILE}, {SPECIAL[FIRST]} before "
                f"them, at most {longest} in all; {MASK} is 1 for a token and 0 for padding on the "
                "right; texts for /v1/embeddings are cut into tokens by the service"
            ),
            axes={IDS: {1: "tokens"}, MASK: {1: "tokens"}},
            opset=OPSET,
            embedding=Embedding(
                output=VECTOR,
                input=IDS,
                mask=MASK,
                tokenizer=TOKENIZER_FILE,
                max_tokens=longest,
                pad_id=PAD,
            ),
        )

    def inputs(self, rows: Rows, numbers: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """See `Family`."""
        ids, _ = rows.take(numbers)
        return {IDS: ids, MASK: (ids != PAD).astype(np.int64)}

    def golden_inputs(self, dataset: TextDataset) -> Sequence[Tensors]:
        """The beginnings of texts, some of them padded."""
        found = []
        for inputs in super().golden_inputs(dataset):
            ids, mask = (inputs[name][:, :GOLDEN_TOKENS].copy() for name in (IDS, MASK))
            mask[1::3, GOLDEN_TOKENS // 2 :] = 0
            found.append({IDS: np.where(mask, ids, PAD), MASK: mask})
        return found

    def judge(self, run: Run, served: Served, dataset: TextDataset, split: str) -> Evaluation:
        """See `Family`; the vectors are kept for `evaluation_files`."""
        vectors = []

        def watched(inputs: Tensors) -> Tensors:
            answers = run(inputs)
            vectors.append(answers[VECTOR])
            return answers

        evaluation = super().judge(watched, served, dataset, split)
        rows = judged_rows(len(dataset.splits()[split]), split)
        self._vectors[split] = (rows, np.concatenate(vectors))
        return evaluation

    def baseline(self, dataset: TextDataset) -> Baseline:
        """TF-IDF and logistic regression."""
        fitted, evaluations = fit_baseline(dataset), {}
        for name, rows in _texts(dataset).items():
            numbers = judged_rows(len(rows), name)
            texts = [rows.texts[number] for number in numbers.tolist()]
            evaluations[name] = evaluate_classes(
                fitted.answer(texts), rows.labels[numbers], dataset.classes
            )
            self._words[name] = fitted.vectors(texts)
        return Baseline(fitted.model, evaluations)

    def files(self, network: nn.Module, dataset: TextDataset) -> Mapping[str, bytes]:
        """The tokenizer."""
        del network
        return {TOKENIZER_FILE: dataset.tokenizer.to_str(pretty=True).encode()}

    def evaluation_files(self, dataset: TextDataset) -> Mapping[str, bytes]:
        """The test split, and how often a test text's nearest training text is of its class."""
        files = {TEST_FILE: _csv(dataset)}
        if {"train", "test"} <= self._vectors.keys() & self._words.keys():
            files[NEIGHBOURS_FILE] = orjson.dumps(
                self._neighbours(dataset), option=orjson.OPT_INDENT_2
            )
        return files

    def _neighbours(self, dataset: TextDataset) -> dict[str, Any]:
        known, asked = self._vectors["train"], self._vectors["test"]
        labels = (dataset.train.labels[known[0]], dataset.test.labels[asked[0]])
        return {
            "training_texts": len(known[0]),
            "test_texts": len(asked[0]),
            "nearest_has_the_class": {
                VECTOR: neighbour_accuracy(known[1], labels[0], asked[1], labels[1]),
                "tf_idf": neighbour_accuracy(
                    self._words["train"], labels[0], self._words["test"], labels[1]
                ),
            },
        }


def _texts(dataset: TextDataset) -> dict[str, TextRows]:
    return {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}


def _csv(dataset: TextDataset) -> bytes:
    """As a channel has it."""
    text = io.StringIO(newline="")
    # A carriage return alone would end the row when it is read, were it not quoted.
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(("text", "label"))
    test = dataset.test
    for line, label in zip(test.texts, test.labels.tolist(), strict=True):
        writer.writerow((line, dataset.classes[label]))
    return text.getvalue().encode()


def _check(recipe: Recipe) -> None:
    """Raises InvalidSetting for heads that do not fit, and for what no source takes."""
    network, data = recipe.network, recipe.data
    if network.width % (2 * network.heads):
        expected = f"a number that 2 x {network.heads} heads divide: each has pairs of channels"
        raise InvalidSetting("width", expected=expected, got=network.width)
    if data.vocabulary < SMALLEST:
        raise InvalidSetting("vocabulary", expected=f"at least {SMALLEST}", got=data.vocabulary)
    if data.classes and data.source == "bible":
        raise InvalidSetting(
            "classes", expected="none with the source bible, which has its own", got=data.classes
        )


def _network(network: nn.Module) -> TextNetwork:
    assert isinstance(network, TextNetwork)  # noqa: S101  # `network` made it
    return network
