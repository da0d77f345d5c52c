import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
from image_files import write_image_folder, write_mnist
from raises_about import raises_about
from torchvision import datasets

from training.config import TrialConfig, parse_trial
from training.data import DataError, ImageSet, ensure_available, load_test_set, load_trial_data, part_contents
from training.registry import DATASETS

CIFAR_CLASSES = tuple(f"class {label}" for label in range(10))


def _config(dataset: str, root: Path | str = "unused", **values: Any) -> TrialConfig:
    return parse_trial({"dataset": dataset, "data_root": str(root), **values})


def _refuse(*_: object, **__: object) -> NoReturn:
    raise OSError("no network in this test")


def _equal(one: ImageSet, other: ImageSet) -> bool:
    return torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MNIST", "CIFAR10", "CIFAR100"):
        monkeypatch.setattr(datasets, name, _refuse)


def test_digits_are_split_as_ever() -> None:
    data = load_trial_data(_config("digits"))
    assert (len(data.train), len(data.validation), len(load_test_set(_config("digits")))) == (1295, 143, 359)
    assert data.num_classes == 10
    assert data.image_shape == (1, 8, 8)
    # A change of this value means that results from before and after it cannot be compared.
    assert data.split_digest == "7515873075ce4bda"


def test_the_final_training_takes_the_same_share_of_both_parts() -> None:
    whole, half = (_config("digits", train_on="train_and_validation", train_fraction=f) for f in (1.0, 0.5))
    usual = load_trial_data(_config("digits", train_fraction=0.5))
    assert len(load_trial_data(whole).train) == 1295 + 143
    found = load_trial_data(half)
    # Of each of ten classes half of both parts, rounded.
    assert abs(len(found.train) - (1295 + 143) / 2) <= 10
    assert _equal(found.validation, usual.validation)
    counts = torch.bincount(
        load_trial_data(_config("digits", train_on="train_and_validation", train_balance="equal")).train.labels
    )
    assert len(set(counts.tolist())) == 1


def test_the_seed_of_the_training_does_not_matter() -> None:
    one, other = (load_trial_data(_config("digits", seed=seed)) for seed in (1, 2))
    assert _equal(one.train, other.train)
    assert _equal(one.validation, other.validation)


def test_split_seed_and_fractions_are_passed_on() -> None:
    whole = load_trial_data(_config("digits"))
    half = load_trial_data(_config("digits", train_fraction=0.5))
    assert abs(len(half.train) - len(whole.train) / 2) <= 10
    assert _equal(half.validation, whole.validation)
    assert half.split_digest == whole.split_digest
    assert load_trial_data(_config("digits", split_seed=1)).split_digest != whole.split_digest
    assert abs(len(load_trial_data(_config("digits", validation_fraction=0.3)).validation) - 431) <= 10


def test_mnist_files_may_stay_compressed(tmp_path: Path) -> None:
    images = write_mnist(tmp_path / "data", suffix=".gz", counts=(200, 20))
    config = _config("mnist", tmp_path / "data")
    ensure_available(config)
    data = load_trial_data(config)
    assert (len(data.train), len(data.validation)) == (180, 20)
    assert torch.equal(load_test_set(config).images.squeeze(1), torch.from_numpy(images["test"]))


def test_a_relative_root_follows_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, count in (("one", 2), ("other", 3)):
        write_image_folder(tmp_path / name / "data", ("a", "b"), count)
        monkeypatch.chdir(tmp_path / name)
        data = load_trial_data(_config("folder", "data"))
        assert len(data.train) + len(data.validation) == 2 * count


def test_a_folder_serves_for_cifar10(tmp_path: Path) -> None:
    written = write_image_folder(tmp_path, CIFAR_CLASSES, 3, shape=(32, 32, 3))
    config = _config("cifar10", tmp_path)
    ensure_available(config)
    data = load_trial_data(config)
    assert (len(data.train), len(data.validation), len(load_test_set(config))) == (20, 10, 30)
    assert data.class_names == CIFAR_CLASSES
    paths = [path for path in sorted(written) if path.startswith("train")]
    originals = {written[path].tobytes(): CIFAR_CLASSES.index(Path(path).parent.name) for path in paths}
    for part in (data.train, data.validation):
        for image, label in zip(part.images, part.labels.tolist(), strict=True):
            assert originals[image.permute(1, 2, 0).numpy().tobytes()] == label


def test_images_are_read_once_in_a_process_and_only_those_in_the_split(tmp_path: Path) -> None:
    write_image_folder(tmp_path, ("a", "b"), 10)
    small = _config("folder", tmp_path, train_fraction=0.3)
    ensure_available(small)
    first = load_trial_data(small)
    for path in tmp_path.glob("train/*/*"):
        path.unlink()
    assert _equal(load_trial_data(small).train, first.train)
    with pytest.raises(DataError) as caught:
        load_trial_data(_config("folder", tmp_path))
    assert tmp_path / "train" in Path(str(caught.value.subject)).parents


def test_the_test_part_is_not_touched_by_trials(tmp_path: Path) -> None:
    write_image_folder(tmp_path, ("a", "b"), 2)
    (tmp_path / "test").rename(tmp_path / "hidden")
    load_trial_data(_config("folder", tmp_path))
    with raises_about(DataError, tmp_path / "test"):
        load_test_set(_config("folder", tmp_path))
    with raises_about(DataError, tmp_path / "test"):
        ensure_available(_config("folder", tmp_path))


@pytest.mark.parametrize("dataset", ["mnist", "cifar10", "cifar100"])
def test_absent_data_names_places_reason_and_ways_out(tmp_path: Path, dataset: str) -> None:
    root = tmp_path / "absent"
    with raises_about(DataError, root) as caught:
        ensure_available(_config(dataset, root))
    for text in (f"{root}/train/CLASS/", "no network in this test", "`data_root`"):
        assert text in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_download_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(root: str, *, download: bool) -> None:
        assert download
        write_mnist(Path(root))

    monkeypatch.setattr(datasets, "MNIST", write)
    config = _config("mnist", tmp_path / "data")
    ensure_available(config)
    monkeypatch.setattr(datasets, "MNIST", _refuse)
    ensure_available(config)
    assert len(load_trial_data(config).train) == 40


@pytest.mark.parametrize("dataset", list(DATASETS))
def test_a_trial_never_downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str) -> None:
    for name in ("MNIST", "CIFAR10", "CIFAR100"):
        monkeypatch.setattr(datasets, name, pytest.fail)
    config = _config(dataset, tmp_path)
    if dataset == "digits":
        load_trial_data(config)
    else:
        with pytest.raises(DataError):
            load_trial_data(config)


@pytest.mark.parametrize(
    ("dataset", "classes", "shape"),
    [
        ("cifar100", CIFAR_CLASSES, (32, 32, 3)),
        ("cifar10", CIFAR_CLASSES, (8, 8, 3)),
        ("mnist", CIFAR_CLASSES, (28, 28, 3)),
    ],
)
def test_a_folder_that_is_another_data_set_is_refused(
    tmp_path: Path, dataset: str, classes: tuple[str, ...], shape: tuple[int, ...]
) -> None:
    write_image_folder(tmp_path, classes, 2, shape=shape)
    with raises_about(DataError, ("data_root", "dataset")):
        ensure_available(_config(dataset, tmp_path))


def test_too_small_a_class_is_found_before_the_trials(tmp_path: Path) -> None:
    write_image_folder(tmp_path, ("a", "b"), 1)
    with raises_about(DataError, "a"):
        ensure_available(_config("folder", tmp_path))


def test_what_the_file_system_refuses_is_a_data_error() -> None:
    config = _config("cifar10", "x" * 5000)
    for function in (ensure_available, load_trial_data, load_test_set):
        with raises_about(DataError, "data_root"):
            function(config)


def test_the_package_starts_without_torchvision_and_scikit_learn() -> None:
    code = "import sys, training.data; print({'torchvision', 'sklearn'} & set(sys.modules))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "set()"


def test_the_images_of_each_class_and_the_files_that_are_not_read_are_counted(tmp_path: Path) -> None:
    write_image_folder(tmp_path, ("ant", "bee"), 3)
    (tmp_path / "train/ant/003.png").write_bytes((tmp_path / "train/ant/000.png").read_bytes())
    (tmp_path / "test/bee/notes.txt").touch()
    config = _config("folder", tmp_path)
    train, test = ensure_available(config)
    assert (train.part, train.images_by_class, train.left_out) == ("train", {"ant": 4, "bee": 3}, ())
    assert (test.part, test.images_by_class, len(test.left_out)) == ("test", {"ant": 3, "bee": 3}, 1)
    assert str(tmp_path / "test/bee") in test.left_out[0]
    assert [part_contents(config, "train"), part_contents(config, "test")] == [train, test]
