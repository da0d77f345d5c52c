"""The check of the data before a search starts."""

from pathlib import Path
from typing import Any

from plug_ins import plug_ins
from raises_about import raises_about
from simulated_confirmation import confirmation
from simulated_search import small_space

from training.data import trial_data
from tuner.driver.preflight import check_data, demanding_points
from tuner.errors import UsageError
from tuner.space import Space, space_from_mapping


def choice(*choices: Any) -> dict[str, Any]:
    return {"type": "categorical", "choices": list(choices)}


def test_the_digest_is_that_of_the_validation_images_and_nothing_is_kept() -> None:
    space = small_space()
    expected = trial_data.load_trial_data(space.example)
    found = check_data(space)
    assert (found.split_digest, found.classes) == (expected.split_digest, expected.num_classes)
    assert [line.split(":")[0] for line in found.contents] == ["train", "test"]
    check_data(space)
    assert trial_data._kept_source.cache_info().currsize == 0


def test_every_architecture_is_tried_with_its_largest_batches() -> None:
    mapping = small_space().model_dump(mode="json")
    del mapping["trial"]["architecture"]
    mapping["parameters"] |= {
        "architecture": choice("digits_cnn", "cnn4"),
        "batch_size": {"type": "int", "low": 16, "high": 64},
    }
    space = Space.model_validate(mapping)
    points = {(point.architecture, point.batch_size) for point in demanding_points(space)}
    assert points == {("digits_cnn", 64), ("cnn4", 64)}
    with raises_about(UsageError, ("parameters.architecture",)):
        check_data(space)


def test_attacks_from_outside_are_tried_before_a_confirmation(tmp_path: Path) -> None:
    code = "def still(images):\n    return images\n\ndef far(images):\n    return 1 - images\n"
    with plug_ins(tmp_path, {"tried_attacks.py": code}):
        mapping = confirmation().model_dump(mode="json")
        for name, fault in (("still", None), ("far", "tried_attacks:far")):
            mapping["confirm"]["attacks"] = ["pgd20", f"tried_attacks:{name}"]
            space = space_from_mapping(mapping, "confirmation")
            assert space.outside_modules == ["tried_attacks"]
            if fault is None:
                check_data(space)
            else:
                with raises_about(UsageError, space.name) as refused:
                    check_data(space)
                assert str(tmp_path / "tried_attacks.py") in str(refused.value)
    mapping["confirm"]["attacks"] = ["no_such_module:attack"]
    with raises_about(UsageError, ("confirm.attacks",)):
        space_from_mapping(mapping, "confirmation")


def test_a_batch_larger_than_the_smallest_training_set_is_refused() -> None:
    batches = {"batch_size": {"type": "int", "low": 16, "high": 600}}
    check_data(small_space(parameters=batches))
    fractions = {"train_fraction": {"type": "float", "low": 0.2, "high": 1.0}}
    with raises_about(UsageError, ("parameters.batch_size",)) as caught:
        check_data(small_space(parameters={**batches, **fractions}))
    assert "600" in str(caught.value)
