"""The sections that every recipe has, whatever its family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from training.settings.ranges import Range

Initialization = Literal[
    "pytorch",
    "kaiming_uniform",
    "kaiming_normal",
    "xavier_uniform",
    "xavier_normal",
    "orthogonal",
    "normal",
]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How it is trained.

    `batch_size` rows, over all processes, make a step. `batch_size` and `clip_norm`, `patience`
    and the penalties are 0 for all rows, and for none.
    What belongs to one loss, optimizer or schedule has its default in `combinations`; the ones
    here mean that it is not used. `warmup_epochs` may be a fraction; the rate changes each step.
    """

    epochs: Annotated[int, Range(1, 100_000)]
    batch_size: Annotated[int, Range(0, 1_000_000)]
    loss: Literal["sparse_categorical_crossentropy", "binary_crossentropy", "mse", "mae", "huber"]
    optimizer: Literal["gradient_descent", "sgd", "adam", "adamw", "muon"]
    learning_rate: Annotated[float, Range(1e-8, 10.0)]
    huber_delta: Annotated[float, Range(1e-6, 1e6)] = 0.0
    label_smoothing: Annotated[float, Range(0.0, 0.9)] = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    momentum: Annotated[float, Range(0.0, 0.9999)] = 0.0
    nesterov: bool = False
    weight_decay: Annotated[float, Range(0.0, 100.0)] = 0.0
    beta1: Annotated[float, Range(0.0, 0.9999)] = 0.0
    beta2: Annotated[float, Range(0.0, 0.99999)] = 0.0
    schedule: Literal["constant", "linear", "cosine", "step", "exponential"] = "constant"
    warmup_epochs: Annotated[float, Range(0.0, 100_000.0)] = 0.0
    step_epochs: Annotated[int, Range(1, 100_000)] = 0
    decay: Annotated[float, Range(1e-6, 1.0)] = 1.0
    final_fraction: Annotated[float, Range(0.0, 1.0)] = 1.0
    clip_norm: Annotated[float, Range(0.0, 1e6)] = 0.0
    l1: Annotated[float, Range(0.0, 100.0)] = 0.0
    l2: Annotated[float, Range(0.0, 100.0)] = 0.0
    patience: Annotated[int, Range(0, 100_000)] = 0
    min_delta: Annotated[float, Range(0.0, 1e6)] = 0.0
    keep: Literal["best", "last"] = "best"
    threads: Annotated[int, Range(1, 256)] = 1


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What a model must reach to be published: accuracy and R2 at least `threshold`, errors at
    most."""

    metric: Literal["accuracy", "loss", "r2", "mae", "rmse", "nats_per_token", "nats_per_character"]
    split: Literal["train", "validation", "test"]
    threshold: Annotated[float, Range(0.0, 1e6)]


@dataclass(frozen=True, slots=True)
class ScaleSettings:
    """How the work is laid over devices; none of it changes what is computed but for rounding.

    `ddp` keeps a whole network on each device, `fsdp` a part of it. A step's rows are taken in
    `accumulation` parts, one after the other. `checkpoint_minutes` lie between two checkpoints at
    most, and an epoch's end.
    """

    strategy: Literal["ddp", "fsdp"] = "ddp"
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    accumulation: Annotated[int, Range(1, 4096)] = 1
    activation_checkpointing: bool = False
    checkpoint_minutes: Annotated[float, Range(0.01, 1e4)] = 10.0


@dataclass(frozen=True, slots=True)
class CompressionSettings:
    """What is done to the trained network to make it smaller or faster, in this order.

    `pruned_share` of each layer's weights (`unstructured`), or of its channels, neurons and heads
    (`structured`), is taken out and the rest trained for `finetuning_epochs` more, at
    `finetuning_rate` times the learning rate; `distillation` is the share of the loss then that
    counts how far the answers are from the dense network's. `clusters` are the values that the
    weights of one tensor may have, 0 for any. Last, the file is quantized. A compressed model
    whose gate metric on the validation split is worse than the dense one's by more than
    `quality_loss` is not exported: the dense one is.
    """

    pruning: Literal["none", "unstructured", "structured"] = "none"
    pruned_share: Annotated[float, Range(0.0, 0.99)] = 0.0
    finetuning_epochs: Annotated[int, Range(0, 100_000)] = 0
    finetuning_rate: Annotated[float, Range(0.0, 10.0)] = 0.0
    distillation: Annotated[float, Range(0.0, 1.0)] = 0.0
    clusters: Annotated[int, Range(0, 256)] = 0
    quantization: Literal[
        "none", "dynamic_int8", "static_int8", "weight_only_int8", "weight_only_int4"
    ] = "none"
    quality_loss: Annotated[float, Range(0.0, 1e6)] = 0.01

    @property
    def asked(self) -> bool:
        """Whether there is anything to do."""
        return self.pruning != "none" or self.clusters > 0 or self.quantization != "none"

    @property
    def four_bits(self) -> bool:
        """Whether the file will hold numbers of four bits, which ONNX has from opset 21."""
        return 0 < self.clusters <= 16 or self.quantization == "weight_only_int4"
