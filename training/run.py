"""Train one configuration: `python -m training.run --config FILE|PRESET`. No search, no Ray."""

import argparse
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.command_line import DONE, FAILED, INTERRUPTED, WRONG_USAGE, CommandError, chosen_device
from training.config import METRICS, ConfigError, TrialConfig
from training.config.preset_files import UnknownPresetError, find_config, with_preset

# torch takes seconds to import; everything that needs it is imported when it is known what to train, so that
# --help and a wrong configuration are answered at once.
if TYPE_CHECKING:
    from training.trainer import Trainer
    from training.trainer.run_folder import RunFolder


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code: 0 done, 1 diverged, 2 wrong usage, 130 interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser().parse_args(words)
    folder = Path(arguments.out or Path("runs", "trials", Path(arguments.config).stem))
    try:
        return _train(_read_config(arguments), arguments, folder)
    except ConfigError as error:
        for key, message in error.problems:
            _complain(f"{arguments.config}: {key}: {message}")
    except CommandError as error:
        _complain(str(error))
    except KeyboardInterrupt:
        _complain(f"Interrupted. Continue with:\n  {_resume_command(words, folder)}")
        return INTERRUPTED
    return WRONG_USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.run",
        description="Train one configuration and print its natural and PGD accuracy after each epoch.",
        epilog="Example: python -m training.run --config training/configs/digits.yaml --set alpha=0.8",
    )
    parser.add_argument("--config", required=True, metavar="FILE|NAME", help="YAML file, or a preset's name")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override one key; may be repeated"
    )
    parser.add_argument("--data-root", metavar="DIR", help="folder of the data set; overrides data_root")
    parser.add_argument("--out", metavar="DIR", help="folder of the results; default: runs/trials/FILE's name")
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint in --out")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads; default: torch's choice")
    return parser


def _read_config(arguments: argparse.Namespace) -> TrialConfig:
    """Read the file, apply the overrides, and check it all at once."""
    import yaml

    try:
        values = yaml.safe_load(find_config(arguments.config).read_text("utf-8"))
    except UnknownPresetError as error:
        raise CommandError(str(error)) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CommandError(f"{arguments.config} cannot be read as YAML: {error}") from error
    if not isinstance(values, dict):
        raise CommandError(f"{arguments.config} holds no keys; it must be a YAML mapping such as 'alpha: 0.5'.")
    values.update(_override(text) for text in arguments.set)
    if arguments.data_root is not None:
        values["data_root"] = arguments.data_root
    try:
        return TrialConfig.from_mapping(with_preset(values))
    except UnknownPresetError as error:
        raise CommandError(f"{arguments.config}: preset: {error}") from error


def _override(text: str) -> tuple[str, Any]:
    import yaml

    key, separator, value = text.partition("=")
    if not separator:
        raise CommandError(f"The value of --set is {text!r}, but must be KEY=VALUE, for example alpha=0.8.")
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise CommandError(f"The value of --set {text!r} is no valid YAML: {error}") from error


def _train(config: TrialConfig, arguments: argparse.Namespace, folder_path: Path) -> int:
    """Check device, data and folder, then train; nothing is written before all of them are right."""
    from training.data import DataError, ensure_available, load_trial_data
    from training.trainer import DivergedError, Trainer
    from training.trainer.checkpoint import CheckpointError
    from training.trainer.run_folder import RunFolder

    folder = RunFolder(folder_path)
    if folder.has_checkpoint and not arguments.resume:
        raise CommandError(f"{folder.path} holds a run already; add --resume, or choose another --out.")
    try:
        device = chosen_device(arguments.device, arguments.threads)
        ensure_available(config)
        trainer = Trainer(config, load_trial_data(config), device)
        if arguments.resume:
            trainer.restore(folder.path)
    except (DataError, CheckpointError) as error:
        raise CommandError(str(error)) from error
    try:
        folder.begin(config, trainer.history)
    except OSError as error:
        raise CommandError(f"--out {folder.path} cannot be written to ({error}); choose another folder.") from error
    try:
        _train_with_progress(trainer, folder)
    except DivergedError as error:
        _complain(str(error))
        return FAILED
    last = trainer.history[-1]
    _say(f"done: {_accuracies(last)} after {trainer.epoch} epochs; results in {folder.path}")
    return DONE


def _train_with_progress(trainer: "Trainer", folder: "RunFolder") -> None:
    from tqdm import tqdm

    epochs = trainer.epochs
    # `disable=None`: no bar where the output is not a terminal.
    bar = tqdm(total=epochs * trainer.steps, initial=trainer.epoch * trainer.steps, unit="step", disable=None)

    told: list[str] = []

    def report(epoch: int, metrics: Mapping[str, float], save: Callable[[Path], None]) -> None:
        for text in trainer.fallbacks:
            if text not in told:
                told.append(text)
                _say(f"not as the configuration asks: {text}")
        trainer.save_best(folder.path)
        save(folder.path)
        folder.append(epoch, metrics)
        short = {name.partition("_")[0]: f"{metrics[name]:.3f}" for name in METRICS if name in metrics}
        bar.set_postfix({"epoch": epoch, **short})
        _say(f"epoch {epoch:>{len(str(epochs))}}/{epochs}: {_accuracies(metrics)}, {metrics['seconds']:.1f} s")

    def on_step(_step: int, _steps: int) -> None:
        bar.update()

    with bar:
        trainer.run(report, on_step)


def _accuracies(metrics: Mapping[str, float]) -> str:
    if METRICS[0] not in metrics:
        return "not evaluated"
    return ", ".join(f"{name} {metrics[name]:.4f}" for name in METRICS)


def _resume_command(words: Sequence[str], folder: Path) -> str:
    """Return the command that goes on: with --resume only if an epoch was finished and saved."""
    from training.trainer.checkpoint import FILE_NAME

    command = [word for word in words if word != "--resume"]
    resume = ["--resume"] if (folder / FILE_NAME).is_file() else []
    return shlex.join(["python", "-m", "training.run", *command, *resume])


def _say(line: str) -> None:
    from tqdm import tqdm

    tqdm.write(line)
    sys.stdout.flush()


def _complain(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
