"""Optimizers by the names that recipes use, with PyTorch's own defaults for what is not set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from torch import nn, optim

from training.regularization import penalized

if TYPE_CHECKING:
    from training.settings.sections import TrainingSettings


def make_optimizer(settings: TrainingSettings, network: nn.Module) -> optim.Optimizer:
    """With `settings.learning_rate`, which a schedule may change later.

    AdamW's decay is decoupled from the gradient: each step takes `rate * weight_decay` of a
    weight away (https://arxiv.org/abs/1711.05101); biases keep all.
    """
    parameters, rate = network.parameters(), settings.learning_rate
    betas = (settings.beta1, settings.beta2)
    match settings.optimizer:
        case "gradient_descent":
            return optim.SGD(parameters, lr=rate)
        case "sgd":
            return optim.SGD(
                parameters, lr=rate, momentum=settings.momentum, nesterov=settings.nesterov
            )
        case "adam":
            return optim.Adam(parameters, lr=rate, betas=betas)
        case "adamw":
            weights = penalized(network)
            decayed = set(map(id, weights))
            rest = [value for value in parameters if id(value) not in decayed]
            groups = [
                {"params": weights, "weight_decay": settings.weight_decay},
                {"params": rest, "weight_decay": 0.0},
            ]
            return optim.AdamW(groups, lr=rate, betas=betas)
        case "muon":
            return Muon(network, rate, settings.weight_decay, betas)
        case _:
            assert_never(settings.optimizer)


class Muon(optim.Optimizer):
    """Steps of the matrices of dense layers made orthogonal, and as long as Adam's are; embeddings
    and the rest are AdamW's, without decay (https://kellerjordan.github.io/posts/muon/,
    https://arxiv.org/abs/2502.16982).

    Two of PyTorch's optimizers whose groups and state are also this one's.
    """

    def __init__(
        self, network: nn.Module, rate: float, decay: float, betas: tuple[float, float]
    ) -> None:
        embeddings = {
            id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)
        }
        matrices = [
            value
            for value in network.parameters()
            if value.ndim == 2 and id(value) not in embeddings
        ]
        chosen = set(map(id, matrices))
        rest = [value for value in network.parameters() if id(value) not in chosen]
        self._parts = (
            optim.Muon(matrices, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"),
            optim.AdamW(rest, lr=rate, betas=betas, weight_decay=0.0),
        )
        super().__init__([group for part in self._parts for group in part.param_groups], {})
        self._share()

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One of each part's."""
        for part in self._parts:
            part.step(closure)  # type: ignore[no-untyped-call]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """See `Optimizer`."""
        super().load_state_dict(state_dict)
        self._share()

    def _share(self) -> None:
        for part, group in zip(self._parts, self.param_groups, strict=True):
            part.param_groups, part.state = [group], self.state
