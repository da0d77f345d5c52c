"""The attacks and the radius that a user names for a confirmation, checked before anything runs."""

from pathlib import Path

from training.norms import LINF, NORMS, is_radius, radius_rule
from training.outside_code import look_in
from tuner.errors import UsageError

# A confirmation measures what the search did: its PGD accuracy is the accuracy under this attack.
ALWAYS = "pgd20"


def read_attacks(
    text: str | None,
    epsilon: float,
    classes: int,
    *,
    norm: str = LINF,
    option: str = "--attacks",
    always: tuple[str, ...] = (ALWAYS,),
) -> tuple[str, ...]:
    """Return the names in a list such as `square,torchattacks:PGD(eps=8/255, steps=20)`, with those of `always` first.

    The syntax is that of `training.evaluate --attacks`; modules are looked for in the current folder as well. None
    stands for no list: the result is empty. Raise UsageError about the `option` if an attack is unknown, named twice,
    or cannot be built for the radius `epsilon` in `norm` and the number of `classes`.
    """
    if text is None:
        return ()
    from training.attacks import AttackError, Scale, attack_help, split_names
    from training.evaluation import LatentMode, build_suite
    from training.evaluation.attack_runs import attack_runs_of

    if text == "help":
        raise UsageError(attack_help(), option)
    names = (*always, *(name for name in split_names(text) if name not in always))
    scale = Scale(norm=norm, epsilon=epsilon, step_size=epsilon / 8, rate=0.01, classes=classes)
    try:
        look_in(Path())
        attack_runs_of(build_suite("standard", scale, attacks=names), LatentMode())
    except AttackError as error:
        raise UsageError(f"{option} {text!r}: {error}", option) from error
    return tuple(dict.fromkeys(names))


def read_epsilon(text: str | None, norm: str = LINF) -> float | None:
    """Return the radius in `norm` that a text such as `0.031` or `8/255` stands for.

    Raise UsageError unless it is above 0 and the radius of a ball for images in [0, 1].
    """
    if text is None:
        return None
    from training.config.fields import number_from_text

    try:
        value = number_from_text(text)
    except ValueError as error:
        raise UsageError(f"--epsilon: {error}.", "--epsilon") from error
    if value == 0 or not is_radius(value, norm):
        raise UsageError(
            f"--epsilon is {text}, but must be above 0 and {radius_rule(norm)} in the norm {norm}, because images are"
            " scaled to [0, 1].",
            "--epsilon",
        )
    return value


def read_norm(text: str | None, epsilon: str | None, searched: str) -> str:
    """Return the norm of a confirmation, by default that of the search. Raise UsageError if it cannot be one.

    `epsilon` is the text of the radius: that of the search is a distance in its own norm.
    """
    if text is None or text == searched:
        return searched
    if text not in NORMS:
        raise UsageError(f"--norm is {text!r}, but must be one of {', '.join(NORMS)}.", "--norm")
    if epsilon is None:
        rule = f"needs --epsilon as well, because the radius of the search is one in {searched}"
        raise UsageError(f"--norm {text} {rule}.", ("--norm", "--epsilon"))
    return text
