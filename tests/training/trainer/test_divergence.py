import math
import pickle
import re
from typing import Any

import pytest
from stand_ins import make_config, make_data
from torch import Tensor

from training.config import ConfigError
from training.config.trial import trial_keys
from training.trainer import DivergedError, Trainer
from training.trainer.divergence import way_out_of

LAST_TERMS: list[tuple[dict[str, Any], str]] = [
    ({}, "information"),
    ({"objective": "standard"}, "adversarial_cross_entropy"),
    ({"objective": "trades"}, "divergence"),
    ({"objective": "mart"}, "weighted_divergence"),
    ({"objective": "mma_simplified"}, "adversarial_cross_entropy"),
    ({"objective": "mma"}, "margin"),
    ({"objective": "natural"}, "natural_cross_entropy"),
]


@pytest.mark.parametrize(("changes", "last"), LAST_TERMS)
def test_divergence_names_the_term_that_broke_first(changes: dict[str, Any], last: str) -> None:
    class Breaking(Trainer):
        def _losses(self, indices: Tensor, step: int) -> dict[str, Tensor]:
            found = super()._losses(indices, step)
            # The second step of epoch 2 spoils the weights, and with them all terms of the third.
            broken = {name: found[name] * math.nan for name in (last, "total")}
            return {**found, **broken} if (self.epoch, step) == (1, 1) else found

    trainer = Breaking(make_config(**changes), make_data(), "cpu")
    trainer.train_epoch()
    with pytest.raises(DivergedError) as caught:
        trainer.train_epoch()
    assert (caught.value.term, caught.value.epoch) == (f"loss/{last}", 2)
    assert trainer.epoch == 1


def test_weights_spoilt_by_the_last_step_are_noticed() -> None:
    class Spoiling(Trainer):
        def _update(self, total: Tensor, learning_rate: float | Tensor) -> None:
            super()._update(total, learning_rate)
            next(self.model.head.parameters()).data.fill_(math.inf)

    # One step an epoch: its loss is finite, and no later one shows what it did.
    trainer = Spoiling(make_config(batch_size=70, epochs=1), make_data(), "cpu")
    with pytest.raises(DivergedError) as caught:
        trainer.train_epoch()
    assert (caught.value.term, caught.value.epoch) == ("a weight", 1)


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({}, {"learning_rate", "lambda", "sigma_floor"}),
        ({"regularise": "output"}, {"learning_rate", "lambda"}),
        ({"objective": "trades"}, {"learning_rate", "lambda"}),
        ({"objective": "mma"}, {"learning_rate", "max_margin", "smallest_margin"}),
        ({"objective": "natural"}, {"learning_rate"}),
    ],
)
def test_the_way_out_names_keys_of_the_configuration_only(changes: dict[str, Any], keys: set[str]) -> None:
    config = make_config(**changes)
    named = set(re.findall("[a-z_]+", way_out_of(config))) & set(trial_keys())
    assert named == keys
    assert named <= set(config.to_mapping())


def test_errors_survive_pickling() -> None:
    # Ray hands a worker's errors to the driver in this way.
    error = pickle.loads(pickle.dumps(DivergedError("loss/hsic", 3, "lower learning_rate")))
    assert (error.term, error.epoch, error.way_out) == ("loss/hsic", 3, "lower learning_rate")
    assert pickle.loads(pickle.dumps(ConfigError([("alpha", "bad")]))).problems == [("alpha", "bad")]
