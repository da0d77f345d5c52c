"""Objectives, augmentations and data sets from outside that fail on the first images."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from plug_ins import plug_ins
from raises_about import raises_about
from stand_ins import make_config, random_states

from training.config import ConfigError
from training.data import DataError, ensure_available, load_trial_data
from training.data.augment import build_augmentation
from training.trainer import Trainer

HEAD = """
import torch
from torch.nn import functional
from training.attacks import cross_entropy_of
from training.losses.objective import Objective

class Sound(Objective):
    def terms(self, batch, attack, forward_pass):
        adversarial = attack(batch.images, cross_entropy_of(batch.labels))
        (output,) = forward_pass(adversarial)
        return self.found(functional.cross_entropy(output.logits, batch.labels, reduction="none"))

    def found(self, losses):
        return {"loss": losses.mean()}

    def weights(self, progress):
        return {"loss": 1.0}
"""
OBJECTIVES = {
    "Vector": ("return {'loss': losses}", "(8,)"),
    "Nan": ("return {'loss': losses.mean() * float('nan')}", "nan"),
    "Detached": ("return {'loss': losses.mean().detach()}", "no gradient"),
    "Forgets": ("pass", "NoneType"),
    "Number": ("return {'loss': 3.0}", "float"),
    "Empty": ("return {}", "no term"),
    "Other": ("return {'other': losses.mean()}", "['other']"),
    "Raises": ("raise OSError('no file')", "OSError: no file"),
    "Exits": ("raise SystemExit(3)", "SystemExit: 3"),
    "Infinite": ("return {'loss': (losses.mean() * 0).sqrt()}", "gradient"),
}
AUGMENTATIONS = {
    "smaller": ("return images[:, :, 1:]", "(8, 1, 7, 8)"),
    "nothing": ("pass", "NoneType"),
    "double": ("return images.double()", "float64"),
    "bright": ("return images + 1", "pixels"),
    "raises": ("raise OSError('no file')", "OSError: no file"),
}
DATA = """
from training.data.data_set import DataSet

class Closed(DataSet):
    def open(self, root, part):
        raise OSError("no file")

def nothing(): pass
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    code = HEAD + "".join(
        f"\nclass {name}(Sound):\n    def found(self, losses):\n        {body}\n"
        for name, (body, _) in OBJECTIVES.items()
    )
    code += "".join(f"\ndef {name}(images, generator):\n    {body}\n" for name, (body, _) in AUGMENTATIONS.items())
    code += "\ndef no_objective():\n    return 3\n"
    code += "\ndef sound(images, generator):\n    return images.flip(3)\n"
    code += "\ndef swapped(generator, images):\n    return images.flip(3)\n"
    code += "\ndef short(images):\n    return images.flip(3)\n"
    with plug_ins(tmp_path, {"tried_parts.py": code, "tried_data.py": DATA}):
        yield tmp_path


def trainer_of(**changes: Any) -> Trainer:
    config = make_config(batch_size=16, epochs=1, attack_steps=1, **changes)
    return Trainer(config, load_trial_data(config), "cpu")


def test_sound_parts_pass_and_leave_the_global_streams() -> None:
    before = random_states()
    trainer = trainer_of(objective="tried_parts:Sound", augmentation="tried_parts:sound")
    trainer.try_outside_code()
    assert random_states() == before
    assert all(parameter.grad is None for parameter in trainer.model.parameters())


@pytest.mark.parametrize("name", ["sound", "swapped", "short"])
def test_an_augmentation_gets_what_it_asks_for_by_name(name: str) -> None:
    augment = build_augmentation(make_config(augmentation=f"tried_parts:{name}"))
    images = torch.rand(2, 1, 8, 8)
    assert torch.equal(augment(images, torch.Generator()), images.flip(3))


def test_the_project_s_own_parts_are_not_tried() -> None:
    trainer = trainer_of()
    state = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.try_outside_code()
    assert all(torch.equal(value, state[name]) for name, value in trainer.model.state_dict().items())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_unfit_objective_is_named_with_its_file(folder: Path, name: str) -> None:
    refused(folder, "objective", name, OBJECTIVES[name][1])


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_unfit_augmentation_is_named_with_its_file(folder: Path, name: str) -> None:
    refused(folder, "augmentation", name, AUGMENTATIONS[name][1])


def refused(folder: Path, key: str, name: str, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        trainer_of(**{key: f"tried_parts:{name}"}).try_outside_code()
    ((found, message),) = caught.value.problems
    assert found == key
    assert all(each in message for each in (f"tried_parts:{name}", str(folder / "tried_parts.py"), word))


def test_what_is_no_objective_is_refused(folder: Path) -> None:
    refused(folder, "objective", "no_objective", "int")


@pytest.mark.parametrize("name", ["Closed", "nothing"])
def test_an_unfit_data_set_is_named(name: str) -> None:
    with raises_about(DataError, f"tried_data:{name}"):
        ensure_available(make_config(dataset=f"tried_data:{name}"))
