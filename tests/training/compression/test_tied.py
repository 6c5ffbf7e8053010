"""A table of embeddings that is also multiplied by: one in the network, one in the file."""

from __future__ import annotations

import copy

import numpy as np
import torch

from tests.training.compression import nets


def test_file_holds_the_table_once(tied: nets.File):
    large = [
        tensor.name
        for tensor in tied.model.graph.initializer
        if np.prod(tensor.dims) >= nets.WORDS * 64
    ]
    assert large == ["head.weight"]
    assert tied.model.ByteSize() < 1.5 * 4 * nets.WORDS * 64
    readers = [node.op_type for node in tied.model.graph.node if "head.weight" in node.input]
    assert sorted(readers) == ["Gather", "Transpose"]


def test_a_copy_of_the_network_and_a_step_of_training_keep_it_one():
    network = copy.deepcopy(nets.seeded(nets.Tied))
    assert network.head.weight is network.words.weight
    optimizer = torch.optim.SGD(network.parameters(), 1.0)
    network(torch.from_numpy(nets.sentences(2))).square().mean().backward()
    optimizer.step()
    assert network.head.weight is network.words.weight
