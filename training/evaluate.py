"""The command that evaluates a trained model on the test set, by the library `training/evaluation/`.

`python -m training.evaluate CHECKPOINT --suite quick|paper|standard`
"""

import argparse
import json
import shlex
import sys
import tempfile
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
from training.config.fields import number_from_text
from training.explained_error import ExplainedError
from training.outside_code import look_in
from training.tolerant_output import tolerate_lost_output

if TYPE_CHECKING:
    import torch

    from training.data import ImageSet
    from training.evaluation import Evaluation, LatentMode, OnBatch, Suite
    from training.evaluation.trained_model import TrainedModel

    Progress = Callable[[], AbstractContextManager[OnBatch]]

_SUITES, _LATENTS = ("quick", "paper", "standard"), ("mean", "sampled")
STATE, RESULT, CURVE, EXAMPLES = "state.json", "evaluation.json", "accuracy.png", "examples.png"
REPRESENTATIONS = "representations.png"


def main(argv: Sequence[str] | None = None, progress: "Progress | None" = None) -> int:
    """Run the command and return its exit code: 0 done, 2 wrong usage, 130 interrupted."""
    tolerate_lost_output()
    draw_into_files()
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser().parse_args(words)
    try:
        require_current_folder()
        with explain_long_names():
            return _evaluate(arguments, progress or _progress)
    except ExplainedError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USAGE
    except KeyboardInterrupt:
        command = shlex.join(["python", "-m", "training.evaluate", *words])
        sys.stderr.write(f"Interrupted. The results so far are saved; continue with the same command:\n  {command}\n")
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate",
        description="Attack a trained model on the test set; print its accuracy under each attack, and warning signs.",
        epilog="Example: python -m training.evaluate runs/trials/digits --suite standard",
    )
    add = parser.add_argument
    add(
        "checkpoint",
        metavar="CHECKPOINT",
        help="a checkpoint.pt or best.pt, or a folder with one of them (checkpoint.pt is used if there are both)",
    )
    add("--suite", choices=_SUITES, default="quick", help="the attacks; paper: those of Table 2; default: quick")
    add("--attacks", metavar="A,B", help="names of attacks to use instead of a suite; 'help' lists them")
    add("--latent", choices=_LATENTS, default="mean", help="the mean of the latent (default), or averaged draws of it")
    add("--epsilon", metavar="E", help="radius in [0, 1], such as 8/255; default: that of the paper for the data set")
    add("--images", type=int, metavar="N", help="size of a class-balanced part of the test set; default: all of it")
    add("--layers", metavar="A,B", help="layers for the representation attack, with a picture (Figure 4)")
    add("--surrogate", metavar="CHECKPOINT", help="a second model for transfer attacks")
    add("--data-root", metavar="DIR", help="folder of the data set; default: that of the checkpoint's configuration")
    add("--out", metavar="DIR", help="folder of the results; default: a folder beside the checkpoint")
    add("--batch-size", type=int, default=500, metavar="N", help="images per batch; default: 500")
    add("--seed", type=int, default=0, metavar="N", help="seed of the attacks and of --images; default: 0")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: CUDA if there is one")
    add("--threads", type=int, metavar="N", help="CPU threads; 1 is fastest for small models")
    return parser


def _evaluate(arguments: argparse.Namespace, progress: "Progress") -> int:
    """Check all arguments, measure, and write the results. A warning sign does not change the exit code."""
    from training.config import sources_in
    from training.data import part_contents
    from training.evaluation import LatentMode, evaluate_robustness
    from training.evaluation.trained_model import description, load_model, load_test_images, require_labels

    device = _device(arguments)
    look_in(Path())
    path = Path(arguments.checkpoint)
    images = load_test_images(path, data_root=arguments.data_root)
    shape = (images.images.shape[1], images.images.shape[2], images.images.shape[3])
    trained = load_model(path, shape).to(device)
    require_labels(images, trained)
    chosen = _chosen_images(images, arguments).to(device)
    latent = LatentMode.named(arguments.latent)
    beside = trained.path.with_name(f"evaluation-{trained.path.stem}-{arguments.suite}-{arguments.latent}")
    out = Path(arguments.out) if arguments.out else beside
    suite = _suite(arguments, trained, latent=latent, device=device, shape=shape)
    _require_writable(out)
    _print(f"{trained.path}, epoch {trained.epoch}: {len(chosen)} of {len(images)} test images, latent {latent.name}")
    config = replace(trained.config, data_root=arguments.data_root or trained.config.data_root)
    for line in (*(str(source) for source in sources_in(config)), *part_contents(config, "test").lines):
        _print(line)
    with progress() as on_batch:
        evaluation = evaluate_robustness(
            trained.model,
            chosen,
            suite,
            latent=latent,
            seed=arguments.seed,
            batch_size=arguments.batch_size,
            state_path=out / STATE,
            on_batch=on_batch,
        )
    _write(out, evaluation, {**description(trained), **evaluation.to_mapping()})
    _draw_examples(out, trained, chosen, suite, _layers(arguments, trained))
    return DONE


def _require_writable(out: Path) -> None:
    """Raise CommandError if the results cannot be written to `out`, before hours of computing."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise CommandError(f"{out} cannot be written to ({error}); choose another --out.", "--out") from error


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


def _suite(
    arguments: argparse.Namespace,
    trained: "TrainedModel",
    *,
    latent: "LatentMode",
    device: "torch.device",
    shape: tuple[int, int, int],
) -> "Suite":
    from training.attacks import RepresentationAttack
    from training.evaluation import ATTACKS, build_suite, scale_of, split_names
    from training.evaluation.trained_model import load_model

    names = split_names(arguments.attacks) if arguments.attacks else None
    if names == ["help"]:
        raise CommandError(
            f"The attacks are {', '.join(ATTACKS)}; for example --attacks pgd20,square. Those of "
            "torchattacks have names such as 'torchattacks:PGD(eps=8/255, steps=20)'.",
            "--attacks",
        )
    scale = scale_of(trained.config, trained.classes)
    if arguments.epsilon is not None:
        scale = scale.resized(_radius(arguments.epsilon))
    surrogate, cache = None, None
    if arguments.surrogate:
        other = load_model(Path(arguments.surrogate), shape).to(device)
        if other.classes != trained.classes:
            raise CommandError(
                f"The surrogate {other.path} has {other.classes} classes, but the model {trained.classes};"
                " name a surrogate that was trained on the same data set.",
                "--surrogate",
            )
        # All evaluations share the surrogate's adversarial images, beside its checkpoint.
        surrogate, cache = other.model, other.path.parent / "transfer"
    suite = build_suite(arguments.suite, scale, latent=latent, attacks=names, surrogate=surrogate, cache=cache)
    layers = [
        RepresentationAttack(epsilon=scale.epsilon, iterations=20, layer=name) for name in _layers(arguments, trained)
    ]
    return replace(suite, attacks=(*suite.attacks, *layers))


def _layers(arguments: argparse.Namespace, trained: "TrainedModel") -> list[str]:
    """Return the layers named by --layers. Raise CommandError if the model has no such layer."""
    names: list[str] = arguments.layers.split(",") if arguments.layers else []
    known = [name for name, _ in trained.model.named_modules() if name]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise CommandError(f"The model has no layer {', '.join(unknown)}; it has {', '.join(known)}.", "--layers")
    return names


def _radius(text: str) -> float:
    try:
        return number_from_text(text)
    except ValueError as error:
        raise CommandError(
            f"The value of --epsilon is {text!r}, but must be a number such as 0.031 or 8/255.", "--epsilon"
        ) from error


def _chosen_images(images: "ImageSet", arguments: argparse.Namespace) -> "ImageSet":
    from training.evaluation import balanced_subset

    if arguments.images is None:
        return images
    return images.subset(balanced_subset(images.labels, arguments.images, seed=arguments.seed))


def _device(arguments: argparse.Namespace) -> "torch.device":
    for name, least, most in (("batch_size", 1, None), ("seed", 0, 2**63 - 1)):
        value = getattr(arguments, name)
        if value < least or (most is not None and value > most):
            option, rule = f"--{name.replace('_', '-')}", f">= {least}" if most is None else f"from {least} to {most}"
            raise CommandError(f"The value of {option} is {value}, but must be {rule}.", option)
    return choose_device(arguments.device, arguments.threads)


def _write(out: Path, evaluation: "Evaluation", record: dict[str, object]) -> None:
    from training.evaluation.accuracy_table import format_table
    from training.evaluation.plots import accuracy_curve_png

    out.mkdir(parents=True, exist_ok=True)
    (out / RESULT).write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    (out / CURVE).write_bytes(accuracy_curve_png(evaluation))
    _print(format_table(evaluation))
    _print(f"Results: {out / RESULT}, {CURVE}, {EXAMPLES}")


def _draw_examples(
    out: Path, trained: "TrainedModel", images: "ImageSet", suite: "Suite", layers: Sequence[str]
) -> None:
    from training.evaluation.example_images import draw_examples, draw_representations

    (out / EXAMPLES).write_bytes(draw_examples(trained.model, images, suite))
    if layers:
        (out / REPRESENTATIONS).write_bytes(draw_representations(trained.model, images, layers, suite.epsilon))


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
