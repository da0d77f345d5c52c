"""The attacks and the radius that a user names for a confirmation, checked before anything runs."""

from tuner.errors import UsageError

# A confirmation measures what the search did: its PGD accuracy is the accuracy under this attack.
ALWAYS = "pgd20"


def read_attacks(text: str | None, epsilon: float, classes: int) -> tuple[str, ...]:
    """Return the names in a list such as `square,torchattacks:PGD(eps=8/255, steps=20)`, with `pgd20` first.

    The syntax is that of `training.evaluate --attacks`. None stands for no list: the result is empty. Raise UsageError
    if an attack is unknown, is named twice, or cannot be built for the radius `epsilon` and the number of `classes`.
    """
    if text is None:
        return ()
    from training.attacks import AttackError
    from training.evaluation import ATTACKS, LatentMode, Scale, build_suite, split_names
    from training.evaluation.attack_runs import attack_runs_of
    from training.evaluation.suite import LEAST_CLASSES

    if text == "help":
        raise UsageError(
            f"The attacks are {', '.join(ATTACKS)}; for example --attacks square,apgd_t. Those of torchattacks have "
            "names such as 'torchattacks:PGD(eps=8/255, steps=20)'.",
            "--attacks",
        )
    named = split_names(text)
    names = (ALWAYS, *(name for name in named if name != ALWAYS))
    if few := [name for name in names if LEAST_CLASSES.get(name, 0) > classes]:
        rule = f"needs {LEAST_CLASSES[few[0]]} classes, but the data have {classes}"
        raise UsageError(f"--attacks {text!r}: {few[0]} {rule}; leave it out.", "--attacks")
    scale = Scale(epsilon=epsilon, step_size=epsilon / 8, rate=0.01, classes=classes)
    try:
        attack_runs_of(build_suite("standard", scale, attacks=names), LatentMode())
    except AttackError as error:
        raise UsageError(f"--attacks {text!r}: {error}", "--attacks") from error
    return tuple(dict.fromkeys(names))


def read_epsilon(text: str | None) -> float | None:
    """Return the radius that a text such as `0.031` or `8/255` stands for. Raise UsageError unless it is in (0, 1]."""
    if text is None:
        return None
    from training.config.fields import number_from_text

    try:
        value = number_from_text(text)
    except ValueError as error:
        raise UsageError(f"--epsilon: {error}.", "--epsilon") from error
    if not 0 < value <= 1:
        raise UsageError(
            f"--epsilon is {text}, but must be above 0 and at most 1, because images are scaled to [0, 1].", "--epsilon"
        )
    return value
