"""Train the learned half of the risk engine: adapters of the encoder's upper layers and the head over its vectors.

Nothing here sees the fifth of the cases that is kept out, except the final measurement.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from training.risk.network import SHARPNESS, Network, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from training.risk.engine import Example

CATEGORIES = (
    "suicidal_ideation",
    "suicide_plan_or_means",
    "self_harm",
    "harm_to_others",
    "abuse_or_neglect",
    "overdose_or_substance",
    "command_psychosis",
    "other_in_danger",
    "other",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How long and how fast. One epoch over 5,000 examples takes about three minutes on one core."""

    epochs: int = 5
    batch: int = 16
    adapter_rate: float = 1e-3
    head_rate: float = 2e-3
    category_share: float = 0.3  # of the loss
    seed: int = 1


def train(
    examples: Sequence[Example],
    encoder: Path,
    recipe: Recipe,
    *,
    after_epoch: Callable[[Network, int], None] = lambda _network, _epoch: None,
) -> Network:
    """Train on ``examples``; ``after_epoch`` is called with the network and the number of the epoch."""
    random.seed(recipe.seed)
    torch.manual_seed(recipe.seed)
    network = Network(encoder, len(CATEGORIES))
    kept = [example for example in examples if example.weight > 0]
    texts = network.prepare([example.text for example in kept])
    optimizer = _optimizer(network, recipe)
    steps = recipe.epochs * (len(kept) // recipe.batch + 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step / steps))
    for epoch in range(recipe.epochs):
        network.train()
        for batch in _batches(texts, recipe.batch):
            loss = _loss(network, [texts[i] for i in batch], [kept[i] for i in batch], recipe)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        after_epoch(network.eval(), epoch)
    return network


@torch.no_grad()
def vectors(
    network: Network, texts: Sequence[Text], batch: int = 64
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """The unit vectors of prepared texts."""
    network.eval()
    return np.concatenate([network(texts[i : i + batch])[0].numpy() for i in range(0, len(texts), batch)])


def head(network: Network) -> dict[str, Any]:
    """The head's weights over unit vectors."""
    return {
        "risk_weight": network.risk.weight.detach().numpy()[0] * SHARPNESS,
        "risk_bias": network.risk.bias.detach().numpy()[0],
        "category_weight": network.category.weight.detach().numpy() * SHARPNESS,
        "category_bias": network.category.bias.detach().numpy(),
    }


def _optimizer(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    adapters = [p for layer in network.adapters.values() for p in (layer.up, layer.down)]
    heads = [*network.risk.parameters(), *network.category.parameters()]
    return torch.optim.AdamW(
        [{"params": adapters, "lr": recipe.adapter_rate}, {"params": heads, "lr": recipe.head_rate}], weight_decay=0.01
    )


def _rate(done: float) -> float:
    return min(1.0, done / 0.1) * (1.0 - done)


def _batches(texts: Sequence[Text], size: int) -> list[list[int]]:
    """Random batches of texts of about the same length."""
    order = list(range(len(texts)))
    random.shuffle(order)
    made: list[list[int]] = []
    for start in range(0, len(order), size * 8):
        near = sorted(order[start : start + size * 8], key=lambda i: len(texts[i].hidden))
        made += [near[i : i + size] for i in range(0, len(near), size)]
    random.shuffle(made)
    return made


def _loss(network: Network, texts: Sequence[Text], examples: Sequence[Example], recipe: Recipe) -> torch.Tensor:
    _, risk, category = network(texts)
    wanted = torch.tensor([float(example.risky) for example in examples])
    weights = torch.tensor([example.weight for example in examples])
    loss = (nn.functional.binary_cross_entropy_with_logits(risk, wanted, reduction="none") * weights).mean()
    named = [i for i, example in enumerate(examples) if example.category]
    if named:
        kinds = torch.tensor([CATEGORIES.index(examples[i].category or "other") for i in named])
        loss = loss + recipe.category_share * nn.functional.cross_entropy(category[named], kinds) * len(named) / len(
            examples
        )
    return loss
