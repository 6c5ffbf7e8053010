"""The rows of each step, as one process gets them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from training.data.dataset import ArrayRows
from training.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from training.data.dataset import Rows
    from training.stage import Stage
    from training.world import World


VALIDATED_TOKENS = 8192


class Part(NamedTuple):
    """Features and targets of some rows of a step, and how many of what the loss is the mean of:
    0 where they are there only because every process must take part."""

    features: torch.Tensor
    targets: torch.Tensor
    counted: int


class Step(NamedTuple):
    """This process's parts of a step of `rows` rows."""

    rows: int
    parts: list[Part]


class Batches:
    """Cuts a stage's rows into steps, and a step's rows into parts: `accumulation` for each
    process. Equal seeds give equal steps, however many processes there are."""

    def __init__(self, stage: Stage, seed: int, world: World, accumulation: int = 1) -> None:
        self._stage, self._seed, self._world = stage, seed, world
        self._accumulation = accumulation
        self.rows = len(stage.train)
        self.size = min(stage.settings.batch_size or self.rows, self.rows)
        # An order may leave rows out.
        trained = self.rows if stage.order is None else len(self.order(0))
        self.steps = -(-trained // self.size)
        if accumulation > self.size:
            expected = f"at most the {self.size} rows of a step"
            raise InvalidSetting("accumulation", expected=expected, got=accumulation)

    def order(self, epoch: int) -> NDArray[Any]:
        """The epoch's row numbers, from seed and epoch alone: resuming needs no state."""
        generator = np.random.default_rng((self._seed, epoch))
        if self._stage.order is not None:
            return self._stage.order(generator, self.size)
        return generator.permutation(self.rows)

    def epoch(self, epoch: int, row: int) -> Iterator[Step]:
        """The steps of an epoch from this row on; each is read while the one before is taken."""
        order = self.order(epoch)
        cuts = [order[start : start + self.size] for start in range(row, len(order), self.size)]
        if isinstance(self._stage.train, ArrayRows) and self._stage.augmentation is None:
            # Faster than handing them over.
            yield from (self._step(numbers, epoch) for numbers in cuts)
            return
        with ThreadPoolExecutor(1, thread_name_prefix="reading") as reader:
            ahead: Future[Step] | None = None
            for numbers in cuts:
                step, ahead = ahead, reader.submit(self._step, numbers, epoch)
                if step is not None:
                    yield step.result()
            if ahead is not None:
                yield ahead.result()

    def validation(self) -> list[tuple[NDArray[Any], bool]]:
        """Row numbers of this process's parts of the validation split, and whether they count."""
        numbers = np.arange(len(self._stage.validation))
        count = -(-len(numbers) // (self._world.size * self._validated_at_once()))
        return [
            (part if len(part) else numbers[:1], len(part) > 0)
            for part in self._shares(numbers, count)
        ]

    def _validated_at_once(self) -> int:
        """Rows of one process. Logits of many tokens to a row fill a memory: of these no more than
        a step has, or than `VALIDATED_TOKENS` are."""
        most = max(256, min(self.size, 1024))
        tokens = self._stage.validation.take(np.arange(1))[1].size
        if tokens <= 1:
            return most
        trained = self.size // (self._world.size * self._accumulation)
        return min(most, max(1, trained, VALIDATED_TOKENS // tokens))

    def tensors(self, rows: Rows, numbers: NDArray[Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """Features and targets on this process's device."""
        return self._placed(*_taken(rows, numbers))

    def _placed(
        self, features: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        device = self._world.device
        return features.to(device, non_blocking=True), targets.to(device, non_blocking=True)

    def _shares(self, numbers: NDArray[Any], count: int) -> list[NDArray[Any]]:
        shares = np.array_split(numbers, self._world.size * count)
        return shares[self._world.rank * count : (self._world.rank + 1) * count]

    def _step(self, numbers: NDArray[Any], epoch: int) -> Step:
        parts = self._shares(numbers, self._accumulation)
        return Step(len(numbers), [self._part(part, numbers, epoch) for part in parts])

    def _part(self, part: NDArray[Any], numbers: NDArray[Any], epoch: int) -> Part:
        rows = part if len(part) else numbers[:1]
        features, targets = _taken(self._stage.train, rows)
        if (augmentation := self._stage.augmentation) is not None:
            features, targets = self._placed(features, targets)
            draws = self._draws(rows, epoch, augmentation.draws(features))
            features, targets = augmentation(features, targets, draws.to(features.device))
        # Counted before they go to a device, for which one would have to wait.
        counted = self._stage.objective.count(targets) if len(part) else 0
        return Part(*self._placed(features, targets), counted)

    def _draws(self, rows: NDArray[Any], epoch: int, count: int) -> torch.Tensor:
        drawn = np.empty((len(rows), count), np.float32)
        for place, row in enumerate(rows.tolist()):
            np.random.default_rng((self._seed, epoch, row)).random(
                dtype=np.float32, out=drawn[place]
            )
        return torch.from_numpy(drawn)


def _taken(rows: Rows, numbers: NDArray[Any]) -> tuple[torch.Tensor, torch.Tensor]:
    features, targets = rows.take(numbers)
    return (
        torch.from_numpy(np.ascontiguousarray(features)),
        torch.from_numpy(np.ascontiguousarray(targets)),
    )
