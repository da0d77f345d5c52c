"""The command that trains one configuration, without a search: `python -m training.run --config FILE|PRESET`."""

import argparse
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.command_line import (
    DONE,
    FAILED,
    INTERRUPTED,
    WRONG_USAGE,
    CommandError,
    choose_device,
    explain_long_names,
    require_current_folder,
)
from training.config import ACCURACIES, ATTACK_STEPS, ConfigError, TrialConfig, foreign_keys, parse_trial, sources_in
from training.config.preset_files import UnknownPresetError, find_config, with_preset
from training.tolerant_output import tolerate_lost_output

# torch takes seconds to import. What needs it is imported after the configuration is checked, so that --help and a
# wrong configuration are answered at once.
if TYPE_CHECKING:
    from training.trainer import Trainer
    from training.trainer.run_folder import RunFolder


def main(argv: Sequence[str] | None = None, trainer_class: "type[Trainer] | None" = None) -> int:
    """Run the command and return its exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    tolerate_lost_output()
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser().parse_args(words)
    folder = Path(arguments.out or Path("runs", "trials", Path(arguments.config).stem))
    try:
        require_current_folder()
        with explain_long_names():
            return _train(_read_config(arguments), arguments, folder, trainer_class)
    except ConfigError as error:
        for key, message in error.problems:
            _print_error(f"{arguments.config}: {key}: {message}")
    except CommandError as error:
        _print_error(str(error))
    except KeyboardInterrupt:
        _print_error(f"Interrupted. Continue with:\n  {_resume_command(words, folder)}")
        return INTERRUPTED
    return WRONG_USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.run",
        description="Train one configuration and print its natural and PGD accuracy after each epoch.",
        epilog="Example: python -m training.run --config training/configs/digits.yaml --set alpha=0.8",
    )
    add = parser.add_argument
    add("--config", required=True, metavar="FILE|NAME", help="YAML file, or the name of a preset")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="override one key; may be repeated")
    add("--data-root", metavar="DIR", help="folder of the data set; overrides data_root")
    add("--out", metavar="DIR", help="folder of the results; default: runs/trials/NAME, with the name of --config")
    add("--resume", action="store_true", help="continue from the checkpoint in --out")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: CUDA if there is one")
    add("--threads", type=int, metavar="N", help="CPU threads; default: torch's choice")
    return parser


def _read_config(arguments: argparse.Namespace) -> TrialConfig:
    """Read the file, apply the overrides and check the result. Raise ConfigError or CommandError if it is wrong."""
    from training.outside_code import look_in
    from training.yaml_text import YamlTextError, read_yaml

    try:
        file = find_config(arguments.config)
        look_in(Path())
        look_in(file.parent)
        values = read_yaml(file)
    except UnknownPresetError as error:
        raise CommandError(str(error), error.subject) from error
    except YamlTextError as error:
        raise CommandError(f"{arguments.config}: {error}", "--config") from error
    if not isinstance(values, dict):
        raise CommandError(f"{arguments.config} has no keys; it must be a mapping such as 'alpha: 0.5'.", "--config")
    overrides = _overrides(arguments)
    try:
        return parse_trial(_without_foreign_keys(with_preset({**values, **overrides}), overrides))
    except UnknownPresetError as error:
        raise CommandError(f"{arguments.config}: preset: {error}", error.subject) from error


def _without_foreign_keys(values: dict[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the keys of file and preset that belong to a name which an override replaced, and print them."""
    left_out = [key for key in foreign_keys(values) if overrides and key not in overrides]
    if left_out:
        _print(f"left out, because what --set chose does not read it: {', '.join(left_out)}")
    return {key: value for key, value in values.items() if key not in left_out}


def _overrides(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the values of --set and --data-root by key; raise CommandError for a key that is set twice."""
    overrides = {} if arguments.data_root is None else {"data_root": arguments.data_root}
    setters = dict.fromkeys(overrides, "--data-root")
    for text in arguments.set:
        key, value = _override(text)
        if key in setters:
            raise CommandError(f"--set {text!r}: {key} is set by {setters[key]} too; keep one.", "--set")
        overrides[key], setters[key] = value, f"--set {text!r}"
    return overrides


def _override(text: str) -> tuple[str, Any]:
    from training.yaml_text import YamlTextError, parse_yaml

    key, separator, value = text.partition("=")
    if not separator:
        raise CommandError(f"The value of --set is {text!r}, but must be KEY=VALUE, such as alpha=0.8.", "--set")
    try:
        return key.strip(), parse_yaml(value)
    except YamlTextError as error:
        raise CommandError(f"The value of --set {text!r} is refused: {error}", "--set") from error


def _train(config: TrialConfig, arguments: argparse.Namespace, path: Path, kind: "type[Trainer] | None") -> int:
    """Check the device, the data and the folder, then train. Nothing is written before all checks have passed."""
    from training.data import DataError, ensure_available, lines_of, load_trial_data
    from training.trainer import DivergedError, MetricError, Trainer
    from training.trainer.checkpoint import CheckpointError
    from training.trainer.run_folder import RunFolder
    from training.trainer.tried_step import has_tried_parts

    folder = RunFolder(path)
    if folder.has_checkpoint and not arguments.resume:
        raise CommandError(f"{folder.path} already contains a run; add --resume, or choose another --out.", "--resume")
    try:
        device = choose_device(arguments.device, arguments.threads)
        contents = ensure_available(config)
        data = load_trial_data(config)
        if has_tried_parts(config):
            Trainer(config, data, "cpu").try_outside_code()
        trainer = (kind or Trainer)(config, data, device)
        if arguments.resume:
            trainer.restore(folder.path)
    except (DataError, CheckpointError) as error:
        raise CommandError(str(error), error.subject) from error
    try:
        folder.begin(config, trainer.history)
    except OSError as error:
        raise CommandError(f"{folder.path} cannot be written to ({error}); choose another --out.", "--out") from error
    started = [] if trainer.start is None else [trainer.start.line]
    for line in (*(str(source) for source in sources_in(config)), *lines_of(contents), *started):
        _print(line)
    if trainer.chosen_arithmetic is not None:
        _print(trainer.chosen_arithmetic)
    try:
        _train_with_progress(trainer, folder)
    except (DivergedError, MetricError) as error:
        _print_error(str(error))
        return FAILED
    last = trainer.history[-1]
    _print(f"done: {_accuracies(last)} after {trainer.epoch} epochs; results in {folder.path}")
    return DONE


def _train_with_progress(trainer: "Trainer", folder: "RunFolder") -> None:
    from tqdm import tqdm

    epochs = trainer.epochs
    # `disable=None`: no bar where the output is not a terminal.
    bar = tqdm(total=epochs * trainer.steps, initial=trainer.epoch * trainer.steps, unit="step", disable=None)

    printed: list[str] = []

    def report(epoch: int, metrics: Mapping[str, float], save: Callable[[Path], None]) -> None:
        for text in trainer.fallbacks:
            if text not in printed:
                printed.append(text)
                _print(f"differs from the configuration: {text}")
        trainer.save_best(folder.path)
        save(folder.path)
        folder.append(epoch, metrics)
        short = {name.partition("_")[0]: f"{metrics[name]:.3f}" for name in ACCURACIES if name in metrics}
        bar.set_postfix({"epoch": epoch, **short})
        _print(f"epoch {epoch:>{len(str(epochs))}}/{epochs}: {_accuracies(metrics)}, {metrics['seconds']:.1f} s")

    def on_step(_step: int, _steps: int) -> None:
        bar.update()

    with bar:
        trainer.run(report, on_step)


def _accuracies(metrics: Mapping[str, float]) -> str:
    if ACCURACIES[0] not in metrics:
        return "not evaluated"
    steps = f" ({metrics[ATTACK_STEPS]:.0f} PGD steps)" if ATTACK_STEPS in metrics else ""
    return ", ".join(f"{name} {metrics[name]:.4f}" for name in ACCURACIES) + steps


def _resume_command(words: Sequence[str], folder: Path) -> str:
    """Return the command that continues the run, with --resume only if the checkpoint of an epoch exists."""
    from training.trainer.checkpoint import FILE_NAME

    command = [word for word in words if word != "--resume"]
    resume = ["--resume"] if (folder / FILE_NAME).is_file() else []
    return shlex.join(["python", "-m", "training.run", *command, *resume])


def _print(line: str) -> None:
    from tqdm import tqdm

    tqdm.write(line)
    sys.stdout.flush()


def _print_error(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
