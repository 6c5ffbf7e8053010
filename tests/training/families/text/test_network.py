"""The network, and what of it is served."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from training.compression.groups import shrink_network
from training.data.texts.tokenizer import FIRST, MASK, PAD
from training.families.text.augmentation import HiddenTokens
from training.families.text.network import ServedText, TextNetwork, joined, turned
from training.families.text.objective import BothAnswers
from training.recipe import load
from training.settings.text import TextNetworkSettings

VOCABULARY, CLASSES = 300, 3
SETTINGS = TextNetworkSettings(width=16, layers=2, heads=2, pairs=64, pair_share=0.4)


def network(**changes: float) -> TextNetwork:
    """With a table that is not zero."""
    torch.manual_seed(0)
    made = TextNetwork(replace(SETTINGS, **changes), VOCABULARY, CLASSES)
    torch.nn.init.normal_(made.table.pairs.weight, std=0.1)
    torch.nn.init.normal_(made.table.tokens.weight, std=0.1)
    return made.eval()


def ids(*lengths: int, width: int = 0) -> torch.Tensor:
    """Random tokens [rows, longest or `width`], padded."""
    generator = torch.Generator().manual_seed(1)
    found = torch.full((len(lengths), max(width, *lengths)), PAD)
    for row, length in enumerate(lengths):
        found[row, :length] = torch.randint(5, VOCABULARY, (length,), generator=generator)
        found[row, 0] = FIRST
    return found


@torch.no_grad()
def served(made: TextNetwork, tokens: torch.Tensor, mask: torch.Tensor | None = None):
    mask = (tokens != PAD).long() if mask is None else mask
    probabilities, vectors = ServedText(made)(tokens, mask)
    return torch.cat([probabilities, vectors], dim=1)


def test_rows_do_not_see_each_other_nor_padding() -> None:
    made, tokens = network(), ids(5, 2, 9)
    together = served(made, tokens)

    for row, length in enumerate((5, 2, 9)):
        alone = served(made, tokens[row : row + 1, :length])
        torch.testing.assert_close(alone[0], together[row], atol=1e-6, rtol=1e-5)


def test_what_stands_behind_the_mask_is_not_looked_at() -> None:
    made, tokens = network(), ids(5, 2, 9, width=12)
    mask = (tokens != PAD).long()
    other = torch.where(mask == 1, tokens, 77)

    torch.testing.assert_close(
        served(made, other, mask), served(made, tokens, mask), atol=1e-6, rtol=1e-5
    )


def test_every_token_and_their_order_matter() -> None:
    made, tokens = network(), ids(6)
    before = served(made, tokens)[0]

    for place in range(1, 6):
        changed = tokens.clone()
        changed[0, place] = 299
        assert not torch.allclose(served(made, changed)[0], before, atol=1e-4)
    swapped = tokens[:, [0, 2, 1, 3, 4, 5]]
    difference = served(made, swapped)[0] - before
    assert difference[:CLASSES].abs().max() > 1e-4
    assert difference[CLASSES:].abs().max() > 1e-6


def test_bfloat16_is_nearly_the_same() -> None:
    made, tokens = network(), ids(5, 9)

    with torch.autocast("cpu", torch.bfloat16):
        found = made(tokens)

    torch.testing.assert_close(found.float(), made(tokens), atol=0.1, rtol=0.05)


def test_a_row_without_tokens_has_an_answer() -> None:
    made, tokens = network(), ids(4, 4)
    mask = torch.tensor([[1, 1, 1, 1], [0, 0, 0, 0]])

    torch.testing.assert_close(served(made, tokens, mask), served(made, tokens))


def test_probabilities_and_vectors_are_normalised() -> None:
    found = served(network(), ids(3, 8))

    torch.testing.assert_close(found[:, :CLASSES].sum(dim=1), torch.ones(2))
    torch.testing.assert_close(found[:, CLASSES:].norm(dim=1), torch.ones(2))


def test_the_share_goes_from_the_encoder_to_the_table() -> None:
    tokens = ids(4)
    logits = network()(tokens)[0]

    for share, which in ((0.0, 0), (1.0, 1)):
        expected = torch.softmax(logits[which], dim=0)
        torch.testing.assert_close(served(network(pair_share=share), tokens)[0, :CLASSES], expected)
    torch.testing.assert_close(
        torch.softmax(joined(logits[None], 0.4), dim=1)[0],
        torch.softmax(0.6 * logits[0] + 0.4 * logits[1], dim=0),
    )


@torch.no_grad()
def test_each_class_against_the_rest_gives_a_chance_of_its_own() -> None:
    made, tokens = network(), ids(4, 7)
    chances = torch.sigmoid(made(tokens))
    shares = chances / chances.sum(dim=2, keepdim=True)
    weighed = shares[:, 0] ** 0.6 * shares[:, 1] ** 0.4

    found, _ = ServedText(made, against_the_rest=True)(tokens, (tokens != PAD).long())

    torch.testing.assert_close(found, weighed / weighed.sum(dim=1, keepdim=True))
    assert (found - served(made, tokens)[:, :CLASSES]).abs().max() > 1e-3


def test_each_class_against_the_rest_is_scored_as_it_is_served() -> None:
    # Sums of logits would take the second class, products of chances take the first.
    outputs = torch.tensor([[[2.0, 9.0], [2.0, -4.0]]])
    for loss, right in (("sparse_categorical_crossentropy", 0), ("binary_crossentropy", 1)):
        settings = replace(load("text", {}).training, loss=loss, label_smoothing=0.0)
        objective = BothAnswers(settings, np.array([0, 1]), 2, share=0.5)
        assert objective.scores(outputs, torch.tensor([0])).tolist() == [right]


def test_the_table_is_a_sum_over_tokens_and_pairs() -> None:
    table, tokens = network().table, torch.tensor([[FIRST, 8, 9]])
    rows = [(a * 1_000_003 + b * 7_919) % 64 for a, b in pairwise([FIRST, 8, 9, PAD])]

    expected = 20 * (table.tokens.weight[tokens[0]] + table.pairs.weight[rows]).sum(dim=0) / 6**0.5

    torch.testing.assert_close(table(tokens, tokens != PAD)[0], expected)


def test_a_position_turns_each_pair_by_its_angle() -> None:
    angles = torch.tensor([[0.0], [np.pi / 2]])

    found = turned(torch.tensor([[3.0, 4.0], [3.0, 4.0]]), angles.cos(), angles.sin())

    torch.testing.assert_close(found, torch.tensor([[3.0, 4.0], [-4.0, 3.0]]), atol=1e-6, rtol=0)


def test_half_the_heads_and_neurons_can_be_taken_out() -> None:
    made, tokens = network(), ids(7, 3)
    before = sum(value.numel() for value in made.encoder.blocks.parameters())

    shrink_network(made, 0.5)

    assert sum(value.numel() for value in made.encoder.blocks.parameters()) < 0.55 * before
    assert made.encoder.blocks[0].heads == 1
    assert served(made, tokens).isfinite().all()
    alone = served(made, tokens[1:, :3])[0]
    torch.testing.assert_close(alone, served(made, tokens)[1], atol=1e-6, rtol=1e-5)


def test_a_head_that_says_nothing_is_taken_out_first() -> None:
    made, tokens = network(), ids(7, 3)
    for block in made.encoder.blocks:
        block.after_attention.weight.data[:, 8:] = 0
        block.wider.weight.data[: 2 * 16] = 0
        block.wider.bias.data[: 2 * 16] = 0
    before = served(made, tokens)

    shrink_network(made, 0.5)

    torch.testing.assert_close(served(made, tokens), before, atol=1e-6, rtol=1e-5)


def test_hidden_tokens_are_the_drawn_ones() -> None:
    tokens, targets = ids(4, 2), torch.tensor([1, 0])
    augmentation = HiddenTokens(0.5)
    assert augmentation.draws(tokens) == 4
    draws = torch.tensor([[0.1, 0.1, 0.7, 0.4], [0.1, 0.6, 0.1, 0.1]])

    found, kept = augmentation(tokens, targets, draws)

    assert kept is targets
    assert found.tolist() == [[FIRST, MASK, tokens[0, 2], MASK], [FIRST, tokens[1, 1], PAD, PAD]]


def test_the_table_learns_the_classes_as_they_are() -> None:
    settings = replace(load("text", {}).training, label_smoothing=0.1)
    objective = BothAnswers(settings, np.array([0, 1]), 2, share=0.5)
    sure = torch.tensor([[[20.0, 0.0], [20.0, 0.0]]], requires_grad=True)

    objective.loss(sure, torch.tensor([0])).backward()

    assert sure.grad is not None
    assert sure.grad[0, 0, 0] > 0.02
    assert sure.grad[0, 1].abs().max() < 1e-6


def test_each_answer_learns_for_itself() -> None:
    settings = replace(load("text", {}).training, label_smoothing=0.0)
    objective = BothAnswers(settings, np.array([0, 1]), 2, share=0.9)
    outputs = torch.tensor([[[9.0, 0.0], [0.0, 2.0]], [[9.0, 0.0], [0.0, 1.0]]], requires_grad=True)
    targets = torch.tensor([0, 1])

    loss = objective.loss(outputs, targets)
    loss.backward()

    each = [
        torch.nn.functional.cross_entropy(outputs[:, which], targets, reduction="sum")
        for which in (0, 1)
    ]
    assert float(loss.detach()) == pytest.approx(float((each[0] + each[1]).detach()) / 2)
    # One that is sure and right gets no gradient, whatever the other one says.
    assert outputs.grad is not None
    assert outputs.grad[0, 0].abs().max() < 1e-3 < outputs.grad[0, 1].abs().max()
    # 0.1 * 9 < 0.9 * 2, so the second answer decides the first row; 0.1 * 9 = 0.9 * 1.
    assert objective.scores(outputs[:1], targets[:1]).tolist() == [0.0]
    assert objective.scores(outputs[:1], targets[1:]).tolist() == [1.0]
