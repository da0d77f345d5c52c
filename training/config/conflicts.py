"""Rules between the fields of a configuration, checked once each field is right by itself."""

from training.config.trial import TrialConfig
from training.registry import OBJECTIVES, REGISTRIES, name_in_code
from training.registry_entry import Problems


def conflicts(config: TrialConfig) -> Problems:
    """Find what does not go together, as (key, message) pairs."""
    problems = []
    if config.lr_after_drops and len(config.lr_after_drops) != len(config.lr_drops):
        rule = f"one for each of the {len(config.lr_drops)} lr_drops, or absent"
        problems.append(("lr_after_drops", f"there are {len(config.lr_after_drops)} rates, but must be {rule}"))
    if config.attack_latent == "sample" and config.bottleneck == 0:
        problems.append(("attack_latent", "without a bottleneck there is nothing to sample; set bottleneck >= 1"))
    problems += _selection_conflicts(config)
    problems += _early_attack_conflicts(config)
    problems += _epoch_conflicts(config)
    values = config.values
    for registry in REGISTRIES:
        name = values.get(name_in_code(registry.key))
        if name is not None:
            problems += registry[name].conflicts(values)
    return problems


def _selection_conflicts(config: TrialConfig) -> Problems:
    problems = []
    if config.select == "best" and config.train_on != "train":
        rule = "no image is left to choose the epoch; set train_on: train, or select: last"
        problems.append(("select", f"the value is best, but with train_on = {config.train_on} {rule}"))
    if config.select == "best" and config.eval_images == 1:
        rule = "at least 2 for select: best, one to choose the epoch and one to measure it, or 0 for all"
        problems.append(("eval_images", f"the value is 1, but must be {rule}"))
    return problems


def _early_attack_conflicts(config: TrialConfig) -> Problems:
    steps, problems = config.eval_early_attack_steps, []
    if steps >= config.eval_attack_steps:
        rule = f"below eval_attack_steps = {config.eval_attack_steps}, or 0 for one attack in all epochs"
        problems.append(("eval_early_attack_steps", f"the value is {steps}, but must be {rule}"))
    if steps > 0 and config.select == "best":
        rule = "the last epoch has another attack than those before it, so that they do not compare; set it to 0"
        problems.append(("select", f"the value is best, but with eval_early_attack_steps = {steps} {rule}"))
    return problems


def _epoch_conflicts(config: TrialConfig) -> Problems:
    problems = []
    if config.stop_after > config.epochs:
        rule = f"at most epochs = {config.epochs}, whose schedules it cuts off, or 0 for all of them"
        problems.append(("stop_after", f"the value is {config.stop_after}, but must be {rule}"))
    if config.rungs and config.eval_every == 1:
        problems.append(("rungs", "has no effect with eval_every = 1; remove it"))
    if config.rungs and config.rungs[-1] >= config.last_epoch:
        rule = f"below {'stop_after' if config.stop_after else 'epochs'} = {config.last_epoch}"
        problems.append(("rungs", f"the last value is {config.rungs[-1]}, but must be {rule}"))
    return problems


def group_conflicts(config: TrialConfig, size: int) -> Problems:
    """Return (key, message) for each reason why `size` processes cannot train a trial."""
    problems = []
    if config.batch_size % size:
        rule = f"a multiple of {size}, the GPUs of a trial, which take equal parts of each batch"
        problems.append(("batch_size", f"the value is {config.batch_size}, but must be {rule}"))
    if size > 1 and (reason := getattr(OBJECTIVES[config.objective].target, "one_process", None)):
        rule = f"one of another name for a trial on several GPUs: {reason}"
        problems.append(("objective", f"the value is {config.objective!r}, but must be {rule}"))
    return problems
