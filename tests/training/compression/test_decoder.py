"""Neurons of the decoder's gated layers: two of three matrices write them."""

from __future__ import annotations

import torch

from training.compression.groups import shrink_network
from training.families.decoder.network import DecoderNetwork
from training.settings.decoder import DecoderNetworkSettings


def test_neurons_leave_gate_and_value_together():
    torch.manual_seed(0)
    settings = DecoderNetworkSettings(layers=2, width=16, heads=4, kv_heads=2, feedforward=24)
    network = DecoderNetwork(settings, 50).eval()
    with torch.no_grad():
        for layer in network.model.layers:
            layer.mlp.down_proj.weight[:, ::2] = 0
        ids = torch.randint(50, (2, 9))
        expected = network(ids)
        shrink_network(network, 0.5)
        torch.testing.assert_close(network(ids), expected)
    assert network.model.layers[1].mlp.up_proj.weight.shape == (12, 16)
