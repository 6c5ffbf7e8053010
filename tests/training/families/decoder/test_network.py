"""The network against the same in numpy, and against what its shape promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from training.families.decoder.network import DecoderNetwork
from training.families.decoder.served import positions, visible
from training.settings.decoder import DecoderNetworkSettings

SMALL = DecoderNetworkSettings(layers=2, width=16, heads=4, kv_heads=2, feedforward=24)
VOCABULARY = 50


def network(settings: DecoderNetworkSettings = SMALL) -> DecoderNetwork:
    torch.manual_seed(0)
    return DecoderNetwork(settings, VOCABULARY).eval()


def ids(rows: int, tokens: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, VOCABULARY, (rows, tokens), generator=generator)


@torch.no_grad()
def logits(found: DecoderNetwork, given: torch.Tensor) -> np.ndarray:
    return found(given).numpy()


def in_numpy(found: DecoderNetwork, row: np.ndarray, settings=SMALL) -> np.ndarray:
    """One row's logits, head by head and token by token."""
    weights = {name: value.double().numpy() for name, value in found.state_dict().items()}
    heads, size = settings.heads, settings.width // settings.heads

    def norm(values: np.ndarray, name: str) -> np.ndarray:
        return values / np.sqrt(np.square(values).mean() + 1e-5) * weights[f"{name}.weight"]

    def turned(vector: np.ndarray, place: int) -> np.ndarray:
        """Each pair is a complex number, turned."""
        half = size // 2
        angles = place * settings.rope_theta ** (-2 * np.arange(half) / size)
        pairs = (vector[:half] + 1j * vector[half:]) * np.exp(1j * angles)
        return np.concatenate([pairs.real, pairs.imag])

    hidden = [weights["model.embed_tokens.weight"][token] for token in row]
    for number in range(settings.layers):
        layer = f"model.layers.{number}"
        dense = {
            name: weights[f"{layer}.{part}.{name}_proj.weight"]
            for part, names in (("self_attn", "qkvo"), ("mlp", ("gate", "up", "down")))
            for name in names
        }
        normed = [norm(values, f"{layer}.input_layernorm") for values in hidden]
        keys = [(dense["k"] @ each).reshape(-1, size) for each in normed]
        values = [(dense["v"] @ each).reshape(-1, size) for each in normed]
        for place, each in enumerate(normed):
            attended = []
            for head, query in enumerate((dense["q"] @ each).reshape(-1, size)):
                group = head // (heads // settings.kv_heads)
                scores = np.array(
                    [
                        turned(query, place) @ turned(keys[other][group], other) / np.sqrt(size)
                        for other in range(place + 1)
                    ]
                )
                shares = np.exp(scores - scores.max())
                shares /= shares.sum()
                attended.append(sum(s * values[o][group] for o, s in enumerate(shares)))
            hidden[place] = hidden[place] + dense["o"] @ np.concatenate(attended)
            fed = norm(hidden[place], f"{layer}.post_attention_layernorm")
            gate = dense["gate"] @ fed
            gate = gate / (1 + np.exp(-gate)) * (dense["up"] @ fed)
            hidden[place] = hidden[place] + dense["down"] @ gate
    last = np.stack([norm(values, "model.norm") for values in hidden])
    return last @ weights["model.embed_tokens.weight"].T


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_it_computes_what_its_papers_say(kv_heads: int) -> None:
    settings = DecoderNetworkSettings(
        layers=2, width=16, heads=4, kv_heads=kv_heads, feedforward=24, initial_std=0.5
    )
    found, given = network(settings), ids(1, 7)

    expected = in_numpy(found, given[0].numpy(), settings)

    np.testing.assert_allclose(logits(found, given)[0], expected, atol=1e-4)


def test_a_token_sees_none_after_it() -> None:
    found, given = network(), ids(2, 9)
    other = given.clone()
    other[:, 5:] = (other[:, 5:] + 1) % VOCABULARY

    before, after = logits(found, given), logits(found, other)

    np.testing.assert_array_equal(before[:, :5], after[:, :5])
    assert (before[:, 5:] != after[:, 5:]).any()


def test_parameters_have_the_names_and_shapes_of_llama() -> None:
    shapes = {name: tuple(value.shape) for name, value in network().state_dict().items()}

    layer = {
        "self_attn.q_proj": (16, 16),
        "self_attn.k_proj": (8, 16),
        "self_attn.v_proj": (8, 16),
        "self_attn.o_proj": (16, 16),
        "mlp.gate_proj": (24, 16),
        "mlp.up_proj": (24, 16),
        "mlp.down_proj": (16, 24),
        "input_layernorm": (16,),
        "post_attention_layernorm": (16,),
    }
    assert shapes == {
        "model.embed_tokens.weight": (50, 16),
        "model.norm.weight": (16,),
        **{
            f"model.layers.{number}.{name}.weight": shape
            for number in range(2)
            for name, shape in layer.items()
        },
    }


def test_what_adds_to_the_residual_stream_begins_smaller() -> None:
    settings = DecoderNetworkSettings(
        layers=8, width=128, heads=4, kv_heads=4, feedforward=256, initial_std=0.1
    )
    layer = network(settings).model.layers[0]

    assert layer.mlp.up_proj.weight.std().item() == pytest.approx(0.1, rel=0.05)
    assert layer.mlp.down_proj.weight.std().item() == pytest.approx(0.1 / 4, rel=0.05)
    assert layer.self_attn.o_proj.weight.std().item() == pytest.approx(0.1 / 4, rel=0.05)


def test_flops_are_those_that_pytorch_counts() -> None:
    """But for attention, of which the formula counts what the causal mask spares too."""
    found, context = network(), 32
    with FlopCounterMode(display=False) as counter:
        found(ids(1, context)).sum().backward()
    counted = counter.get_flop_counts()["Global"]
    products = sum(flops for name, flops in counted.items() if "attention" not in str(name))

    attention = 12 * SMALL.layers * SMALL.width * context * context
    # The logits' gradient with respect to the embedding is counted, and a lookup's is not.
    assert found.flops_per_token(context) * context - attention == products


def test_padding_sees_itself_and_nobody_sees_padding() -> None:
    mask = torch.tensor([[0, 1, 1, 0]])

    assert positions(mask).tolist() == [[0, 0, 1, 1]]
    assert visible(mask, 0)[0, 0].int().tolist() == [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 1, 1, 0],
        [0, 1, 1, 1],
    ]
    assert visible(mask, 3)[0, 0].int().tolist() == [[0, 1, 1, 1]]
