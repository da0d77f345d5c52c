"""The command that evaluates a trained model on the test set, by the library `training/evaluation/`.

`python -m training.evaluate CHECKPOINT --suite quick|paper|standard`, or for a model of another program
`python -m training.evaluate --model module:attribute --weights FILE --dataset NAME`
"""

import argparse
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

# torch takes seconds to import; --help does not need it.
from training.command_line import (
    DONE,
    INTERRUPTED,
    WRONG_USAGE,
    CommandError,
    choose_device,
    draw_into_files,
    explain_long_names,
    require_current_folder,
)
from training.evaluation_options import THREAT_MODELS, norm_of, radius_of, require_known_attacks, require_one_model
from training.evaluation_options import parser_of_evaluation as _parser
from training.explained_error import ExplainedError
from training.norms import LINF
from training.outside_code import look_in
from training.suite_names import SuiteName
from training.tolerant_output import tolerate_lost_output

if TYPE_CHECKING:
    import torch

    from training.config import TrialConfig
    from training.data import ImageSet
    from training.evaluation import Evaluation, LatentMode, OnBatch
    from training.evaluation.evaluated_model import ChosenData, EvaluatedModel

    Progress = Callable[[], AbstractContextManager[OnBatch]]


def main(argv: Sequence[str] | None = None, progress: "Progress | None" = None) -> int:
    """Run the command and return its exit code: 0 done, 2 wrong usage, 130 interrupted."""
    tolerate_lost_output()
    draw_into_files()
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser().parse_args(words)
    try:
        require_current_folder()
        require_one_model(arguments)
        with explain_long_names():
            return _evaluate(arguments, progress or _progress)
    except ExplainedError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USAGE
    except KeyboardInterrupt:
        command = shlex.join(["python", "-m", "training.evaluate", *words])
        sys.stderr.write(f"Interrupted. The results so far are saved; continue with the same command:\n  {command}\n")
        return INTERRUPTED


def _evaluate(arguments: argparse.Namespace, progress: "Progress") -> int:
    """Check all arguments, measure, and write the results. A warning sign does not change the exit code."""
    from training.config import sources_in
    from training.evaluation import LatentMode, StateFile, evaluate_robustness, scale_of
    from training.evaluation.evaluated_model import data_to_attack, logits_remark
    from training.evaluation.latent import has_bottleneck
    from training.evaluation.outside_attacks import sources_of_attacks, try_outside_attacks
    from training.evaluation.result_files import STATE, require_writable, write_pictures
    from training.evaluation_suite import layers_of, suite_of, surrogate_of

    require_known_attacks(arguments)
    device, latent = _device(arguments), LatentMode.named(arguments.latent)
    config, file = _config(arguments), arguments.images if isinstance(arguments.images, Path) else None
    data = data_to_attack(config, file)
    evaluated = _evaluated_model(arguments, config, data, latent=latent, device=device)
    chosen = _chosen_images(data.images, arguments).to(device)
    layers = layers_of(arguments, evaluated.model)
    channels, height, width = chosen.images.shape[1:]
    scale = scale_of(
        config,
        evaluated.classes,
        norm=norm_of(arguments),
        epsilon=radius_of(arguments.epsilon),
        dimensions=channels * height * width,
    )
    in_l2 = f"-{scale.norm}" if scale.norm != LINF else ""
    default = evaluated.folder / f"evaluation-{evaluated.label}-{arguments.suite}-{arguments.latent}{in_l2}"
    out = Path(arguments.out) if arguments.out else default
    surrogate = surrogate_of(arguments, evaluated, (channels, height, width), device)
    bottleneck = has_bottleneck(evaluated.model)
    suite = suite_of(arguments, scale, latent=latent, surrogate=surrogate, layers=layers, bottleneck=bottleneck)
    try_outside_attacks(evaluated.model, chosen, suite)
    require_writable(out)
    _print(f"{evaluated.title}: {len(chosen)} of {len(data.images)} test images, latent {latent.name}")
    sources = dict.fromkeys([*sources_in(config), *sources_of_attacks(suite)])
    remarks = logits_remark(evaluated.classes, data)
    named = {} if file is not None else {"dataset": data.shown_name}
    evaluated = replace(evaluated, record={**evaluated.record, **named, "remarks": remarks})
    for line in (*map(str, sources), *data.lines, *remarks):
        _print(line)
    with progress() as on_batch:
        evaluation = evaluate_robustness(
            evaluated.model,
            chosen,
            suite,
            latent=latent,
            seed=arguments.seed,
            batch_size=arguments.batch_size,
            state=StateFile(out / STATE, evaluated.identity),
            on_batch=on_batch,
        )
    _conclude(arguments, out, evaluated, evaluation)
    write_pictures(out, evaluated.model, chosen, suite, layers)
    return DONE


def _conclude(arguments: argparse.Namespace, out: Path, evaluated: "EvaluatedModel", evaluation: "Evaluation") -> None:
    """Write and print the figures."""
    from training.evaluation.accuracy_table import format_table
    from training.evaluation.paper_as_run import differences, format_differences
    from training.evaluation.result_files import CURVE, EXAMPLES, RESULT, write_results

    name = SuiteName.PAPER_AS_RUN
    as_run = differences(evaluation) if arguments.suite == name and not arguments.attacks else []
    compared = {name.value: [row.to_mapping() for row in as_run]} if as_run else {}
    write_results(out, evaluation, {**evaluated.record, **_data_record(arguments), **compared})
    _print(format_table(evaluation))
    if as_run:
        _print(f"\n{format_differences(as_run)}\n")
    _print(f"Results: {out / RESULT}, {CURVE}, {EXAMPLES}")


def _config(arguments: argparse.Namespace) -> "TrialConfig":
    """Return the configuration of the checkpoint, or one that names the data of another program's model."""
    from training.evaluation.evaluated_model import config_of_checkpoint, config_of_data

    look_in(Path.cwd())
    if arguments.model is None:
        config = config_of_checkpoint(Path(arguments.checkpoint))
    else:
        # A file of arrays needs no data set; the epsilon is then given, and nothing else of it is used.
        config = config_of_data(arguments.dataset or "cifar10", arguments.image_size)
    return replace(config, data_root=arguments.data_root or config.data_root)


def _evaluated_model(
    arguments: argparse.Namespace,
    config: "TrialConfig",
    data: "ChosenData",
    *,
    latent: "LatentMode",
    device: "torch.device",
) -> "EvaluatedModel":
    from training.evaluation.evaluated_model import from_checkpoint, from_outside
    from training.evaluation.outside_model import build_outside_model
    from training.evaluation.trained_model import load_model, require_classes

    if arguments.model is not None:
        weights = None if arguments.weights is None else Path(arguments.weights)
        threat_model = arguments.threat_model or THREAT_MODELS[0]
        found = build_outside_model(arguments.model, weights, dataset=config.dataset, threat_model=threat_model)
        return from_outside(found, data, latent, device)
    channels, height, width = data.images.images.shape[1:]
    trained = load_model(Path(arguments.checkpoint), (channels, height, width), arguments.select).to(device)
    require_classes(data.images, data.class_names, trained)
    return from_checkpoint(trained)


def _data_record(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the file that the images are from, if they are not those of a data set."""
    return {"images_file": str(arguments.images)} if isinstance(arguments.images, Path) else {}


@contextmanager
def _progress() -> "Iterator[OnBatch]":
    from tqdm import tqdm

    # `disable=None`: no bar where the output is not a terminal.
    with tqdm(unit="batch", disable=None) as bar:

        def on_batch(done: int, total: int, attack: str) -> None:
            bar.total = total
            bar.set_description(attack, refresh=False)
            bar.update(done - bar.n)

        yield on_batch


def _chosen_images(images: "ImageSet", arguments: argparse.Namespace) -> "ImageSet":
    from training.evaluation import balanced_subset

    if not isinstance(arguments.images, int):
        return images
    return images.subset(balanced_subset(images.labels, arguments.images, seed=arguments.seed))


def _device(arguments: argparse.Namespace) -> "torch.device":
    for name, least, most in (("batch_size", 1, None), ("seed", 0, 2**63 - 1)):
        value = getattr(arguments, name)
        if value < least or (most is not None and value > most):
            option, rule = f"--{name.replace('_', '-')}", f">= {least}" if most is None else f"from {least} to {most}"
            raise CommandError(f"The value of {option} is {value}, but must be {rule}.", option)
    return choose_device(arguments.device, arguments.threads)


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
