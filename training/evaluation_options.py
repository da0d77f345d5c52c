"""The options of `python -m training.evaluate`, and the rules between them."""

import argparse
from pathlib import Path

from training.command_line import CommandError
from training.config.fields import number_from_text
from training.norms import L2, LINF, NORMS
from training.suite_names import SuiteName

LATENTS = ("mean", "sampled")
# Those of RobustBench, the default first.
THREAT_MODELS = ("Linf", "L2", "corruptions")
# The data sets that have a usual radius in each norm.
_PUBLISHED = {LINF: ("mnist", "cifar10", "cifar100"), L2: ("cifar10", "cifar100")}
_ROBUSTBENCH = "robustbench:"
_EPILOG = """examples:
  python -m training.evaluate runs/trials/digits --suite standard
  python -m training.evaluate --model my_models:build --weights file.pt --dataset cifar10 --suite standard
  python -m training.evaluate --model my_models:build --images my_images.npz --epsilon 8/255
  python -m training.evaluate --model robustbench:Engstrom2019Robustness --dataset cifar10 --epsilon 8/255"""


def parser_of_evaluation() -> argparse.ArgumentParser:
    """Return the parser of all options."""
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate",
        description="Attack a trained model on the test set; print its accuracy under each attack, and warning signs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "checkpoint",
        nargs="?",
        metavar="CHECKPOINT",
        help="a checkpoint.pt or best.pt, or a folder with one of them (checkpoint.pt is used if there are both)",
    )
    add(
        "--select",
        choices=("last", "best"),
        help="the epoch whose weights are attacked: the last one, or the one with the best PGD accuracy on validation"
        " images; default: the one that the training selects by its key `select`",
    )
    _add_model_options(parser)
    add(
        "--suite",
        choices=[name.value for name in SuiteName],
        default=SuiteName.QUICK.value,
        help="the attacks; paper: those of Table 2, with the official AutoAttack, whose members are APGD-T and FAB-T in"
        " the place of APGD-DLR and FAB; paper_as_run: the same, and beside them all of Table 2 as torchattacks runs"
        " it, with the differences; default: quick",
    )
    add(
        "--attacks",
        metavar="A,B",
        help="attacks to use instead of a suite, such as pgd20 or 'pgd(steps=50)', torchattacks:NAME(...), or your own"
        " module:attribute; 'help' lists the names",
    )
    add("--latent", choices=LATENTS, default="mean", help="the mean of the latent (default), or averaged draws of it")
    add("--norm", choices=NORMS, help="of the ball; default: that of the checkpoint's training, or linf")
    add(
        "--epsilon",
        metavar="E",
        help="radius in this norm, such as 8/255 in linf or 128/255 in l2, for images in [0, 1]; default: the usual one"
        " for the data set",
    )
    add(
        "--images",
        type=_number_or_file,
        metavar="N|FILE.npz",
        help="a number: the size of a class-balanced part of the test set (default: all of it). A file .npz: your own"
        " images instead of a test set; its arrays are `images`, uint8 or real numbers in [0, 1], (n, channels, height,"
        " width) or (n, height, width, channels), and `labels`",
    )
    add("--layers", metavar="A,B", help="layers for the representation attack, with a picture (Figure 4)")
    add("--surrogate", metavar="CHECKPOINT", help="a second model for transfer attacks")
    add("--data-root", metavar="DIR", help="folder of the data set; default: that of the checkpoint, or data")
    add("--out", metavar="DIR", help="folder of the results; default: a folder beside the checkpoint or the weights")
    _add_computing_options(parser)
    return parser


def _add_computing_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--batch-size", type=int, default=500, metavar="N", help="images per batch; default: 500")
    add("--seed", type=int, default=0, metavar="N", help="seed of the attacks and of --images; default: 0")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: CUDA if there is one")
    add("--threads", type=int, metavar="N", help="CPU threads; 1 is fastest for small models")


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("a model of another program, instead of CHECKPOINT")
    add = group.add_argument
    add(
        "--model",
        metavar="MODULE:ATTRIBUTE",
        help="a class or function that returns, without arguments, a torch.nn.Module from images in [0, 1], (batch,"
        " channels, height, width), to logits; the module is looked for in the environment and in the current folder."
        " robustbench:NAME is a model of RobustBench, if that is installed",
    )
    add("--weights", metavar="FILE", help="a state_dict, alone or below the key state_dict, model or net")
    add("--dataset", metavar="NAME", help="the data set, whose test part is attacked; also module:attribute")
    add("--image-size", type=int, metavar="N", help="image_size of a data set folder or torchvision:NAME")
    add("--threat-model", choices=THREAT_MODELS, help="of a model of RobustBench; default: Linf")


def _number_or_file(text: str) -> int | Path:
    if text.endswith(".npz"):
        return Path(text)
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor the path of a file .npz") from None


def require_one_model(arguments: argparse.Namespace) -> None:
    """Raise CommandError unless there is one model, with the options that it needs and no others."""
    if arguments.attacks == "help":
        return
    if (arguments.checkpoint is None) == (arguments.model is None):
        given = "neither is" if arguments.model is None else "both are"
        raise CommandError(
            f"Exactly one of CHECKPOINT and --model is needed, but {given} given.", ("CHECKPOINT", "--model")
        )
    if arguments.model is None:
        for name in ("weights", "dataset", "image_size", "threat_model"):
            if getattr(arguments, name) is not None:
                option = f"--{name.replace('_', '-')}"
                raise CommandError(f"{option} goes with --model; a checkpoint has its own. Leave it out.", option)
        return
    if arguments.select is not None:
        raise CommandError("--select is for CHECKPOINT, not for --model; leave it out.", "--select")
    is_bench = arguments.model.startswith(_ROBUSTBENCH)
    if arguments.threat_model is not None and not is_bench:
        raise CommandError("--threat-model is for --model robustbench:NAME; leave it out.", "--threat-model")
    if arguments.dataset is None and (is_bench or not isinstance(arguments.images, Path)):
        way = "--dataset cifar10 or cifar100." if is_bench else "--dataset NAME, or --images FILE.npz."
        raise CommandError(f"--model needs the data: add {way}", "--dataset")
    norm = norm_of(arguments) or LINF
    if arguments.epsilon is None and arguments.dataset not in _PUBLISHED[norm]:
        data, example = arguments.dataset or arguments.images, "8/255" if norm == LINF else "128/255"
        raise CommandError(
            f"There is no usual radius in {norm} for {data}: add --epsilon, such as --epsilon {example}.", "--epsilon"
        )


def norm_of(arguments: argparse.Namespace) -> str | None:
    """Return the norm of --norm, or else of the threat model of RobustBench; None if neither says one."""
    of_threat_model: dict[str | None, str] = {"L2": L2, "Linf": LINF}
    norm: str | None = arguments.norm or of_threat_model.get(arguments.threat_model)
    return norm


def require_known_attacks(arguments: argparse.Namespace) -> None:
    """Raise CommandError with the names of the attacks for `--attacks help`."""
    from training.attacks import attack_help

    if arguments.attacks == "help":
        raise CommandError(attack_help(), "--attacks")


def radius_of(text: str | None) -> float | None:
    """Return the number of --epsilon, None if it is not given. Raise CommandError if it is no number."""
    if text is None:
        return None
    try:
        return number_from_text(text)
    except ValueError as error:
        raise CommandError(
            f"The value of --epsilon is {text!r}, but must be a number such as 0.031 or 8/255.", "--epsilon"
        ) from error
