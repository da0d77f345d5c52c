"""Rules between the fields of a configuration, checked once each field is right by itself."""

from collections.abc import Sequence
from dataclasses import fields

from training.config.trial import TrialConfig

# Fields that one objective alone reads.
_OWN_FIELDS = {
    "shared_information": (
        "alpha",
        "beta",
        "lam_start",
        "ramp_start",
        "ramp_end",
        "terms",
        "regularise",
        "information_estimator",
        "views",
        "hsic_normalisation",
        "hsic_width",
    ),
    "mma": ("max_margin", "smallest_margin"),
}
# Objectives whose terms have fixed weights.
_WITHOUT_WEIGHT = ("standard", "mma", "mma_simplified", "natural")


def conflicts(config: TrialConfig) -> list[tuple[str, str]]:
    """Find what does not go together, as (key, message) pairs."""
    problems = _foreign_fields(config)
    if config.ramp_start >= config.ramp_end:
        rule = f"below ramp_end = {config.ramp_end}"
        problems.append(("ramp_start", f"the value is {config.ramp_start}, but must be {rule}"))
    if config.lr_after_drops and len(config.lr_after_drops) != len(config.lr_drops):
        rule = f"one for each of the {len(config.lr_drops)} lr_drops, or absent"
        problems.append(("lr_after_drops", f"there are {len(config.lr_after_drops)} rates, but must be {rule}"))
    if config.attack_latent == "sample" and config.bottleneck == 0:
        problems.append(("attack_latent", "without a bottleneck there is nothing to sample; set bottleneck >= 1"))
    if config.forward == "joint" and config.objective in {"standard", "natural"}:
        problems.append(("forward", f"{config.objective} sees one kind of images only: there is nothing to join"))
    if config.lam != 4.0 and config.objective in _WITHOUT_WEIGHT:
        problems.append(("lambda", f"has no effect with {config.objective}; remove it"))
    problems += _rung_conflicts(config)
    if config.objective == "shared_information":
        problems += _shared_information_conflicts(config)
    if config.objective == "mma" and config.smallest_margin > config.max_margin:
        rule = f"at most max_margin = {config.max_margin:g}"
        problems.append(("smallest_margin", f"the value is {config.smallest_margin:g}, but must be {rule}"))
    return problems


def _foreign_fields(config: TrialConfig) -> list[tuple[str, str]]:
    return [
        (name, f"belongs to the objective {owner}, and has no effect with {config.objective}; remove it")
        for owner, names in _OWN_FIELDS.items()
        for name in _changed(config, names)
        if owner != config.objective
    ]


def _changed(config: TrialConfig, names: Sequence[str]) -> list[str]:
    """Return the fields among `names` that do not have their default value."""
    defaults = {field.name: field.default for field in fields(config)}
    return [name for name in names if getattr(config, name) != defaults[name]]


def _rung_conflicts(config: TrialConfig) -> list[tuple[str, str]]:
    problems = []
    if config.rungs and config.eval_every == 1:
        problems.append(("rungs", "has no effect with eval_every = 1; remove it"))
    if config.rungs and config.rungs[-1] >= config.epochs:
        rule = f"below epochs = {config.epochs}"
        problems.append(("rungs", f"the last value is {config.rungs[-1]}, but must be {rule}"))
    return problems


def _shared_information_conflicts(config: TrialConfig) -> list[tuple[str, str]]:
    problems = []
    shares = {"natural_cross_entropy": 1 - config.alpha, "adversarial_cross_entropy": config.alpha}
    if not any(share > 0 and term in config.terms for term, share in shares.items()):
        rule = "no cross-entropy has a weight above 0: the classifier would learn nothing"
        problems.append(("terms", f"with alpha = {config.alpha} and terms = {list(config.terms)} {rule}"))
    elif set(config.terms) == {"natural_cross_entropy"}:
        problems.append(("terms", "no term sees adversarial images; that is objective: natural"))
    if config.bottleneck == 0 and config.regularise == "latent" and {"symmetric_kl", "information"} & {*config.terms}:
        way_out = "set bottleneck >= 1, or regularise: output"
        problems.append(("regularise", f"the value is latent, but without a bottleneck there is no p(z|x); {way_out}"))
    return problems + _information_conflicts(config) if "information" in config.terms else problems


def _information_conflicts(config: TrialConfig) -> list[tuple[str, str]]:
    problems = []
    if config.information_estimator == "hsic" and config.hsic_neighbours >= config.batch_size:
        rule = f"below batch_size = {config.batch_size}: a sample has no more neighbours than that"
        problems.append(("hsic_neighbours", f"the value is {config.hsic_neighbours}, but must be {rule}"))
    if config.hsic_normalisation == "unbiased" and config.batch_size < 4:
        problems.append(("hsic_normalisation", "the value is unbiased, which needs a batch_size of at least 4"))
    if config.information_estimator != "hsic":
        message = f"belongs to the estimator hsic, and has no effect with {config.information_estimator}; remove it"
        problems += [(name, message) for name in _changed(config, ("hsic_normalisation", "hsic_width"))]
    if config.information_estimator == "mine" and len(config.views) > 2:
        problems.append(
            ("views", f"there are {len(config.views)}, but MINE's critic compares two; use hsic or mige, or two views")
        )
    return problems


def group_conflicts(config: TrialConfig, size: int) -> list[tuple[str, str]]:
    """Return (key, message) for each reason why `size` processes cannot train a trial."""
    problems = []
    if config.batch_size % size:
        rule = f"a multiple of {size}, the GPUs of a trial, which take equal parts of each batch"
        problems.append(("batch_size", f"the value is {config.batch_size}, but must be {rule}"))
    if size > 1 and config.objective == "mma":
        rule = "one of another name for a trial on several GPUs: each image's margin is known to one process alone"
        problems.append(("objective", f"the value is 'mma', but must be {rule}"))
    return problems
