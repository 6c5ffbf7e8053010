"""From pictures to a file that takes pictures."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from torch import nn

from tests.training.data.images.drawings import noise
from training.data.images.dataset import read_dataset
from training.data.images.decoding import fit, from_pixels
from training.errors import InvalidSetting
from training.export import OnnxFile, export_onnx, run_module
from training.families.vision.augmentation import PictureAugmentation
from training.families.vision.family import ServedClassifier, Vision, whole_batches
from training.recipe import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SMALL = {"blocks": "1,1", "width": "8"}


@pytest.fixture(scope="module")
def family() -> Vision:
    return Vision(load("vision", SMALL))


@pytest.fixture(scope="module")
def digits(family: Vision):
    return family.read(None)


def drawn(family: Vision, dataset) -> nn.Module:
    """A network whose batch norm has seen pictures."""
    torch.manual_seed(0)
    network = family.network(dataset).train()
    network(torch.from_numpy(dataset.train.take(np.arange(64))[0]))
    return network.eval()


@pytest.fixture(scope="module")
def served(family: Vision, digits):
    return family.served(drawn(family, digits), digits)


@pytest.fixture(scope="module")
def written(family: Vision, digits, served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("export") / "model.onnx"
    test = digits.test
    export = export_onnx(served, lambda rows: family.inputs(test, np.arange(rows)), file)
    assert list(export.parity) == [1, 7, 64]
    assert max(export.parity.values()) < 1e-6
    return file


def test_input_is_a_picture_as_a_file_has_it(written: Path):
    graph = onnx.load(written).graph
    shapes = {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert shapes == {
        "image": ["batch", "height", "width", 1],
        "probabilities": ["batch", 10],
    }
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8


@pytest.mark.parametrize("shape", [(1, 8, 8, 1), (2, 1, 1, 1), (3, 20, 31, 1), (2, 300, 200, 1)])
def test_any_height_and_width(written: Path, served, shape: tuple[int, ...]):
    given = {"image": noise(0, *shape)}
    theirs = OnnxFile(written).run(given)["probabilities"]
    ours = run_module(served.module, served.signature, given)["probabilities"]
    np.testing.assert_allclose(theirs, ours, atol=1e-5)
    np.testing.assert_allclose(theirs.sum(axis=1), 1, atol=1e-5)


def test_rows_do_not_see_each_other(written: Path):
    pictures = noise(0, 7, 12, 9, 1)
    file = OnnxFile(written)
    together = file.run({"image": pictures})["probabilities"]
    for number in range(7):
        alone = file.run({"image": pictures[number : number + 1]})["probabilities"]
        np.testing.assert_allclose(alone[0], together[number], atol=1e-6)


@pytest.mark.parametrize("size", [(30, 40), (6, 5), (28, 28)])
def test_picture_is_fitted_as_the_training_data_was(size: tuple[int, int]):
    """But for the rounding to whole numbers."""
    large = noise(0, *size, 1)
    fitting = ServedClassifier(nn.Identity(), 8)
    np.testing.assert_allclose(
        fitting(torch.from_numpy(large[None]))[0].numpy(), fit(from_pixels(large), 8), atol=1.01
    )


def test_fitted_picture_is_not_fitted_again(written: Path, family: Vision, digits):
    """What evaluation sends is what training saw."""
    network = drawn(family, digits)
    pictures = digits.test.take(np.arange(5))[0]
    with torch.no_grad():
        expected = torch.softmax(network(torch.from_numpy(pictures)), dim=1).numpy()
    answers = OnnxFile(written).run({"image": pictures})["probabilities"]
    np.testing.assert_allclose(answers, expected, atol=1e-6)


def test_golden_pictures_are_small_and_not_all_square(family: Vision, digits):
    one, seven = (golden["image"] for golden in family.golden_inputs(digits))
    assert (one.shape, seven.shape) == ((1, 8, 8, 1), (7, 8, 7, 1))
    large = Vision(load("vision", {**SMALL, "image_size": "50"}))
    dataset = read_dataset(large.recipe, None)
    one, seven = (golden["image"] for golden in large.golden_inputs(dataset))
    assert (one.shape, seven.shape) == ((1, 8, 8, 1), (7, 8, 7, 1))
    np.testing.assert_array_equal(one[0], dataset.test.take(np.array([0]))[0][0, ::7, ::7])


def test_picture_of_each_class_is_left_for_people(family: Vision, digits):
    files = family.evaluation_files(digits)
    assert list(files) == [f"evaluation/pictures/{digit}.png" for digit in range(10)]
    pictures, labels = digits.test.take(np.arange(len(digits.test)))
    first = pictures[labels.tolist().index(7)]
    opened = Image.open(io.BytesIO(files["evaluation/pictures/7.png"]))
    np.testing.assert_array_equal(np.asarray(opened), first[:, :, 0])


def test_augmentation_is_where_the_recipe_has_some(family: Vision, digits):
    network = family.network(digits)
    (stage,) = family.stages(network, digits)
    assert isinstance(stage.augmentation, PictureAugmentation)
    still = ("rotation_degrees", "shift", "zoom", "shear_degrees")
    plain = Vision(load("vision", {**SMALL, **dict.fromkeys(still, "0")}))
    assert plain.stages(network, digits)[0].augmentation is None


def test_epoch_has_whole_batches_only(family: Vision, digits):
    """Of 769 rows the last batch of 64 would have one row, and batch norm its statistics."""
    order = whole_batches(769, np.random.default_rng(0), 64)
    assert len(order) == 13 * 64
    assert sorted(order[:769]) == list(range(769))
    assert order[769:].tolist() == order[:63].tolist()
    assert len(whole_batches(128, np.random.default_rng(0), 64)) == 128
    (stage,) = family.stages(family.network(digits), digits)
    # 1176 rows.
    assert len(stage.order(np.random.default_rng(0), 64)) == 19 * 64


def test_caller_is_told_how_to_open_a_file(served):
    assert "convert('L')" in served.preprocessing
    assert served.signature.outputs[0].labels == tuple("0123456789")


def test_each_class_against_the_rest(digits):
    against = Vision(
        load("vision", {**SMALL, "loss": "binary_crossentropy", "label_smoothing": "0"})
    )
    served = against.served(drawn(against, digits), digits)
    answers = run_module(served.module, served.signature, against.inputs(digits.test, np.arange(3)))
    np.testing.assert_allclose(answers["probabilities"].sum(axis=1), 1, atol=1e-5)
    assert served.module.classifier.against_the_rest


def test_pictures_too_small_for_the_network_are_refused_at_once():
    with pytest.raises(InvalidSetting, match="'image_size': expected at least 9 for 4 stages"):
        Vision(load("vision", {"blocks": "1,1,1,1"}))


@pytest.fixture
def group() -> Iterator[None]:
    """A group of this one process."""
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def test_synchronized_batch_norm_needs_gpus(group: None, digits):
    family = Vision(load("vision", {**SMALL, "batch_norm": "synchronized"}))
    with pytest.raises(InvalidSetting, match=r"'batch_norm': expected local without GPUs"):
        family.network(digits)


def test_synchronized_batch_norm_is_exported_as_any(
    group: None, digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    family = Vision(load("vision", {**SMALL, "batch_norm": "synchronized"}))
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    network = family.network(digits)
    monkeypatch.undo()
    assert sum(isinstance(each, nn.SyncBatchNorm) for each in network.modules()) == 6
    assert len([*network.removable()]) == 4
    served = family.served(network.eval(), digits)
    export_onnx(served, lambda rows: family.inputs(digits.test, np.arange(rows)), tmp_path / "m")
