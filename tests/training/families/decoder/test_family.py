"""From texts to a folder that scores texts and goes on with them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from tokenizers import Tokenizer

from infermeter.engine.onnx import OnnxRuntime
from infermeter.manifest import Manifest
from infermeter.registry.publication import verify
from tests.training.data.streams.texts import WHO, texts, write_table
from training.companions import export_companions
from training.errors import InvalidSetting
from training.families.decoder.family import Decoder
from training.job import Job
from training.pipeline import run_job
from training.recipe import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from training.companions import Companion
    from training.families.decoder.network import DecoderNetwork

SMALL = {
    "vocabulary": "300",
    "context": "32",
    "layers": "2",
    "width": "32",
    "heads": "4",
    "kv_heads": "2",
    "feedforward": "64",
    "epochs": "3",
    "batch_size": "16",
    "learning_rate": "0.01",
    "warmup_epochs": "0.2",
}
GRAPH = "generation/model.onnx"
# A greedy choice between two tokens this close may fall either way.
TIE = 1e-4


class Trained(NamedTuple):
    """What a job left, and the network and the companion that it exported."""

    folder: Path
    network: DecoderNetwork
    companion: Companion

    @property
    def manifest(self) -> Manifest:
        return Manifest.from_json((self.folder / "manifest.json").read_bytes())

    @property
    def files(self) -> dict[str, bytes]:
        return {file.path: (self.folder / file.path).read_bytes() for file in self.manifest.files}

    @property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer.from_file(str(self.folder / "generation" / "tokenizer.json"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    root = tmp_path_factory.mktemp("decoder")
    write_table(texts(300), root / "channel" / "texts.csv")
    exported = []

    class Watched(Decoder):
        def companions(self, network, dataset):
            found = super().companions(network, dataset)
            exported.append((network, found[GRAPH]))
            return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.families.decoder.family.Decoder", Watched)
        run_job(Job(root, "decoder", {}, root / "channel"), load("decoder", SMALL), lambda: False)
    ((network, companion),) = exported
    return Trained(root / "model", network.eval(), companion)


@pytest.fixture(scope="module")
def score(trained: Trained) -> Callable[..., list[np.ndarray]]:
    """Next logits and log-likelihoods, as they are served."""
    model = OnnxRuntime(memory_mb=512).load(trained.files)

    def run(ids: np.ndarray, mask: np.ndarray) -> list[np.ndarray]:
        given = {"input_ids": ids, "attention_mask": mask}
        return model.run(given, ["next_token_logits", "log_likelihood"])

    return run


def test_what_is_left_can_be_published(trained: Trained) -> None:
    manifest = trained.manifest

    verify(manifest, trained.files, OnnxRuntime(memory_mb=512))

    assert [(spec.name, spec.shape) for spec in manifest.signature.outputs] == [
        ("next_token_logits", (-1, 300)),
        ("log_likelihood", (-1, -1)),
    ]
    assert [[*golden.outputs] for golden in manifest.golden] == [["log_likelihood"]] * 2
    assert max(manifest.lineage["export"]["largest_difference_by_batch"].values()) < 1e-5
    assert len(manifest.to_json()) < 40_000


def test_it_learns_what_follows_what(trained: Trained) -> None:
    report = json.loads((trained.folder / "evaluation" / "report.json").read_bytes())

    test = report["splits"]["test"]
    naive = report["naive"]["splits"]["test"]
    assert test["nats_per_token"] < naive["nats_per_token"] / 2
    assert test["tokens"] == naive["tokens"]
    assert test["nats_per_character"] * test["characters"] == pytest.approx(
        test["nats_per_token"] * test["tokens"]
    )
    assert report["baseline"]["splits"]["test"]["nats_per_token"] < naive["nats_per_token"] / 2


def test_both_graphs_have_their_weights_in_one_file(trained: Trained) -> None:
    parameters = sum(value.numel() for value in trained.network.parameters())
    sizes = {path: len(content) for path, content in trained.files.items()}

    assert 0.98 < sizes[f"{GRAPH}.data"] / (4 * parameters) < 1.02
    assert sizes["model.onnx"] < 40_000
    assert sizes[GRAPH] < 40_000
    # As a file beside its graph, too.
    onnx.checker.check_model(trained.folder / "model.onnx", full_check=True)
    onnx.checker.check_model(trained.folder / GRAPH, full_check=True)


@torch.no_grad()
def expected(network: DecoderNetwork, row: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Next logits and log-likelihoods of one row without padding."""
    logits = network(torch.tensor([row]))[0]
    likely = torch.log_softmax(logits[:-1], dim=-1).gather(1, torch.tensor(row[1:])[:, None])
    return logits[-1].numpy(), np.concatenate([[0], likely[:, 0].numpy()])


def padded(rows: list[list[int]], *, left: bool) -> tuple[np.ndarray, np.ndarray]:
    length = max(map(len, rows))
    ids, mask = (np.zeros((len(rows), length), np.int64) for _ in range(2))
    for number, row in enumerate(rows):
        place = slice(length - len(row), None) if left else slice(len(row))
        ids[number, place], mask[number, place] = row, 1
    return ids, mask


@pytest.mark.parametrize("left", [False, True])
def test_neither_padding_nor_other_rows_change_an_answer(trained, score, left: bool) -> None:
    rows = [[0, 40, 41, 42, 43, 44, 45], [0, 50], [0], [7, 8, 9, 10]]
    ids, mask = padded(rows, left=left)

    logits, likelihood = score(ids, mask)

    for number, row in enumerate(rows):
        next_logits, likely = expected(trained.network, row)
        np.testing.assert_allclose(logits[number], next_logits, atol=1e-5)
        np.testing.assert_allclose(likelihood[number][mask[number] > 0], likely, atol=1e-5)
        assert (likelihood[number][mask[number] == 0] == 0).all()


def test_what_stands_in_the_padding_is_nobodys(score) -> None:
    ids, mask = padded([[0, 40, 41, 42], [0, 50]], left=False)
    other = np.where(mask > 0, ids, 299)

    for one, two in zip(score(ids, mask), score(other, mask), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_sentence_is_told_from_nonsense_and_gone_on_with(trained, score) -> None:
    """What a client does: a text to tokens, answers to something that one can read."""
    tokenizer = trained.tokenizer

    def ask(text: str) -> tuple[np.ndarray, float]:
        ids = np.array([[0, *tokenizer.encode(text).ids]])
        logits, likelihood = score(ids, np.ones_like(ids))
        return logits[0], float(likelihood.sum())

    logits, _ = ask("And the people saw the")
    words = {tokenizer.decode([number]) for number in np.argsort(-logits)[:5].tolist()}
    assert any(who.startswith(word.strip()) for who in WHO for word in words)
    assert ask("And the king took the fire.")[1] > ask("the And fire king the took.")[1] + 5


def prompt(trained: Trained, text: str) -> list[int]:
    return [0, *trained.tokenizer.encode(text).ids]


def session(graph: bytes | str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])


def generate(
    graph: onnxruntime.InferenceSession, ids: np.ndarray, mask: np.ndarray, count: int
) -> np.ndarray:
    """The likeliest next token, `count` times over, int64 [rows, count]: the loop that whoever
    serves the graph has to write, with rows padded on the left."""
    _, _, *caches = graph.get_inputs()
    rows, heads, width = len(ids), caches[0].shape[1], caches[0].shape[3]
    past = [np.zeros((rows, heads, 0, width), np.float32) for _ in caches]
    found = []
    for _ in range(count):
        given = {cache.name: value for cache, value in zip(caches, past, strict=True)}
        logits, *past = graph.run(None, {"input_ids": ids, "attention_mask": mask, **given})
        ids = logits[:, -1].argmax(axis=1)[:, None]
        mask = np.concatenate([mask, np.ones_like(ids)], axis=1)
        found.append(ids)
    return np.concatenate(found, axis=1)


@torch.no_grad()
def greedy(network: DecoderNetwork, row: list[int], count: int) -> list[int]:
    """The same from the whole context each time."""
    row = [*row]
    for _ in range(count):
        best = network(torch.tensor([row]))[0, -1].topk(2)
        assert best.values[0] - best.values[1] > TIE
        row.append(int(best.indices[0]))
    return row[-count:]


def test_a_cache_gives_the_tokens_that_the_whole_context_gives(trained: Trained) -> None:
    rows = [prompt(trained, text) for text in ("And", "And the king left the sea. And the", "w")]
    graph = session(str(trained.folder / GRAPH))

    together = generate(graph, *padded(rows, left=True), count=24).tolist()

    for row, tokens in zip(rows, together, strict=True):
        alone = generate(graph, np.array([row]), np.ones((1, len(row)), np.int64), count=24)
        assert tokens == alone[0].tolist() == greedy(trained.network, row, 24)


def test_a_cache_may_be_filled_in_parts(trained: Trained) -> None:
    row = np.array([prompt(trained, "And the king left the sea.")])
    graph = session(str(trained.folder / GRAPH))
    names = [cache.name for cache in graph.get_inputs()[2:]]
    past, logits = [np.zeros((1, 2, 0, 8), np.float32) for _ in names], []
    for start, end in ((0, 3), (3, 4), (4, row.shape[1])):
        given = dict(zip(names, past, strict=True))
        part, *past = graph.run(
            None,
            {
                "input_ids": row[:, start:end],
                "attention_mask": np.ones((1, end), np.int64),
                **given,
            },
        )
        logits.append(part)

    with torch.no_grad():
        whole = trained.network(torch.from_numpy(row)).numpy()
    np.testing.assert_allclose(np.concatenate(logits, axis=1), whole, atol=1e-5)


def test_its_configurations_are_of_its_graph(trained: Trained) -> None:
    folder = trained.folder / "generation"
    graph = session(str(folder / "model.onnx"))
    read = {
        name: json.loads((folder / f"{name}.json").read_bytes())
        for name in ("genai_config", "tokenizer_config")
    }
    model = read["genai_config"]["model"]
    decoder = model["decoder"]

    for side, nodes in (("inputs", graph.get_inputs()), ("outputs", graph.get_outputs())):
        named = decoder[side].values()
        every = [name % layer if "%d" in name else name for name in named for layer in range(2)]
        assert set(every) == {node.name for node in nodes}
    assert graph.get_outputs()[0].shape[-1] == model["vocab_size"]
    assert graph.get_inputs()[2].shape[1] == decoder["num_key_value_heads"]
    assert graph.get_inputs()[2].shape[3] == decoder["head_size"]
    assert (
        trained.tokenizer.token_to_id(read["tokenizer_config"]["eos_token"])
        == (model["eos_token_id"])
    )


def test_generation_has_as_few_bits_as_the_model(trained: Trained, tmp_path: Path) -> None:
    settings = replace(load("decoder", SMALL).compression, quantization="weight_only_int4")

    small = export_companions({GRAPH: trained.companion}, settings, tmp_path)[GRAPH]

    operators = [node.op_type for node in onnx.load_model_from_string(small).graph.node]
    # Seven matrices in each layer, and the head.
    assert operators.count("MatMulNBits") == 15
    row = prompt(trained, "And the king left the")
    ids, mask = padded([row], left=True)
    tokens = generate(session(small), ids, mask, 8)
    dense = generate(session(str(trained.folder / GRAPH)), ids, mask, 8)
    assert tokens.shape == dense.shape
    assert (tokens == dense).mean() >= 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": "36", "heads": "4"}, "'width': expected a number that 2 x 4 heads divide"),
        ({"heads": "4", "kv_heads": "3"}, "'kv_heads': expected a number that divides the 4"),
    ],
)
def test_heads_that_do_not_fit_are_refused(changes: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidSetting, match=message):
        Decoder(load("decoder", {**SMALL, **changes})).read(None)


def test_the_vocabulary_is_padded_to_a_multiple(tmp_path: Path) -> None:
    folder = write_table(texts(60), tmp_path / "a.csv").parent
    family = Decoder(load("decoder", {**SMALL, "vocabulary_multiple": "64"}))
    dataset = family.read(folder)

    network = family.network(dataset)

    assert network.get_parameter("model.embed_tokens.weight").shape == (320, 32)
    assert family.served(network, dataset).signature.output("next_token_logits").shape == (-1, 320)
