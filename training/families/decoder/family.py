"""The family `decoder`: text, token by token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from infermeter.signature import Signature, TensorSpec
from infermeter.tensors import DATATYPES
from training.data.streams.dataset import DecoderDataset, Windows, read_dataset, write_data
from training.data.streams.tokenizer import END, END_ID, SMALLEST
from training.errors import InvalidSetting
from training.evaluation.tokens import TokenEvaluation, evaluate_tokens
from training.families.decoder.network import DecoderNetwork
from training.families.decoder.ngram import KneserNey
from training.families.decoder.package import FOLDER, GRAPH, generator, package_files
from training.families.decoder.served import Scorer
from training.families.family import Baseline, Family, judged_rows
from training.objectives import Tokens
from training.served import Served
from training.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from training.companions import Companion
    from training.data.dataset import Rows
    from training.families.family import Run, Tensors
    from training.recipe import Recipe

IDS, MASK = "input_ids", "attention_mask"
LOGITS, LIKELIHOOD = "next_token_logits", "log_likelihood"
# Attention is one operator from here on.
OPSET = 23
# Of the baseline's n-grams; longer ones have been seen to gain less than 0.02 nats a token.
ORDER = 5
# Of one run while a split is judged, about: each has a logit for every token of the vocabulary.
JUDGED_TOKENS = 8192
# Tokens of a golden row: its answers stand in the manifest.
GOLDEN_TOKENS = 16


class Decoder(Family[DecoderDataset]):
    """Token ids in, how likely each is and what comes next out."""

    def write_data(self, folder: Path) -> str:
        """See `Family`."""
        return write_data(self.recipe, folder)

    def read(self, channel: Path | None) -> DecoderDataset:
        """See `Family`."""
        _check(self.recipe)
        return read_dataset(self.recipe, channel)

    def network(self, dataset: DecoderDataset) -> nn.Module:
        """See `Family`."""
        return DecoderNetwork(self.recipe.network, self._vocabulary(dataset))

    def stages(self, network: nn.Module, dataset: DecoderDataset) -> Sequence[Stage]:
        """See `Family`."""
        settings = self.recipe.training
        rows = (dataset.train, dataset.validation)
        return [Stage("training", network, settings, *rows, Tokens(settings))]

    def served(self, network: nn.Module, dataset: DecoderDataset) -> Served:
        """`input_ids` and `attention_mask` INT64 [-1, -1] to `next_token_logits` FP32
        [-1, vocabulary] and `log_likelihood` FP32 [-1, -1]."""
        fp32, int64 = DATATYPES["FP32"], DATATYPES["INT64"]
        return Served(
            module=Scorer(_decoder(network)),
            signature=Signature(
                (TensorSpec(IDS, int64, (-1, -1)), TensorSpec(MASK, int64, (-1, -1))),
                (
                    TensorSpec(LOGITS, fp32, (-1, self._vocabulary(dataset))),
                    TensorSpec(LIKELIHOOD, fp32, (-1, -1)),
                ),
            ),
            judged=LIKELIHOOD,
            preprocessing=(
                f"{IDS} are a text's tokens by {FOLDER}/tokenizer.json, {END_ID} ('{END}') before "
                f"them, at most {self.recipe.data.context + 1} in all; {MASK} is 1 for a token and "
                "0 for padding, on either side; log_likelihood is in nats, of each token by those "
                "before it, 0 for the first and for padding"
            ),
            axes={IDS: {1: "tokens"}, MASK: {1: "tokens"}},
            opset=OPSET,
            golden=(LIKELIHOOD,),
        )

    def inputs(self, rows: Rows, numbers: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """See `Family`."""
        ids, real = _windows(rows).windows(numbers)
        return {IDS: ids, MASK: real.astype(np.int64)}

    def golden_inputs(self, dataset: DecoderDataset) -> Sequence[Tensors]:
        """Short beginnings of windows, some padded at the end and one at the front."""
        found = []
        for inputs in super().golden_inputs(dataset):
            ids, mask = (inputs[name][:, :GOLDEN_TOKENS].copy() for name in (IDS, MASK))
            mask[1::3, GOLDEN_TOKENS // 2 :] = 0
            mask[2::3, : GOLDEN_TOKENS // 4] = 0
            found.append({IDS: np.where(mask, ids, END_ID), MASK: mask})
        return found

    def judge(
        self, run: Run, served: Served, dataset: DecoderDataset, split: str
    ) -> TokenEvaluation:
        """See `Family`."""
        windows = _windows(dataset.splits()[split])
        numbers = judged_rows(len(windows), split)
        parts = min(len(numbers), -(-len(numbers) * windows.context // JUDGED_TOKENS))
        nats = [
            -run(self.inputs(windows, part))[served.judged].sum(axis=1, dtype=np.float64)
            for part in np.array_split(numbers, parts)
        ]
        return _evaluation(dataset, split, np.concatenate(nats))

    def baseline(self, dataset: DecoderDataset) -> Baseline:
        """What came after the last four tokens in the training text, the last three, and so on."""
        model = f"interpolated modified Kneser-Ney, {ORDER} tokens"
        return Baseline(model, self._counted(dataset, ORDER))

    def naive(self, dataset: DecoderDataset) -> Baseline:
        """How frequent each token is, whatever came before it."""
        return Baseline("the tokens' frequencies in the training text", self._counted(dataset, 1))

    def companions(self, network: nn.Module, dataset: DecoderDataset) -> Mapping[str, Companion]:
        """The graph that goes on from a cache."""
        del dataset
        return {f"{FOLDER}/{GRAPH}": generator(self.recipe, _decoder(network))}

    def files(self, network: nn.Module, dataset: DecoderDataset) -> Mapping[str, bytes]:
        """What generation needs beside its graph."""
        return package_files(self.recipe, _decoder(network), dataset.tokenizer)

    def _vocabulary(self, dataset: DecoderDataset) -> int:
        multiple: int = self.recipe.network.vocabulary_multiple
        return -(-dataset.tokenizer.get_vocab_size() // multiple) * multiple

    def _counted(self, dataset: DecoderDataset, order: int) -> dict[str, TokenEvaluation]:
        vocabulary = dataset.tokenizer.get_vocab_size()
        model = KneserNey(dataset.train.stream.ids.astype(np.int64), vocabulary, order)
        found = {}
        for split in dataset.splits():
            windows = _windows(dataset.splits()[split])
            nats = windows.sums(model.nats(windows.stream.ids.astype(np.int64)))
            found[split] = _evaluation(dataset, split, nats[judged_rows(len(windows), split)])
        return found


def _evaluation(dataset: DecoderDataset, split: str, nats: NDArray[np.float64]) -> TokenEvaluation:
    windows = _windows(dataset.splits()[split])
    numbers = judged_rows(len(windows), split)
    stream = windows.stream
    tokens, characters = (
        windows.sums(values)[numbers] for values in (np.ones_like(stream.ids), stream.characters)
    )
    return evaluate_tokens(nats, tokens, characters)


def _check(recipe: Recipe) -> None:
    """Raises InvalidSetting for heads that do not fit, and for a vocabulary without every byte."""
    network = recipe.network
    if network.width % (2 * network.heads):
        expected = f"a number that 2 x {network.heads} heads divide: each has pairs of channels"
        raise InvalidSetting("width", expected=expected, got=network.width)
    if network.heads % network.kv_heads:
        expected = f"a number that divides the {network.heads} heads"
        raise InvalidSetting("kv_heads", expected=expected, got=network.kv_heads)
    if recipe.data.vocabulary < SMALLEST:
        raise InvalidSetting(
            "vocabulary", expected=f"at least {SMALLEST}", got=recipe.data.vocabulary
        )


def _decoder(network: nn.Module) -> DecoderNetwork:
    assert isinstance(network, DecoderNetwork)  # noqa: S101  # `network` made it
    return network


def _windows(rows: Rows) -> Windows:
    assert isinstance(rows, Windows)  # noqa: S101  # `read` made them
    return rows
