"""The attack that measures a trial before its last epoch: that of the end, or a cheaper one of fewer steps.

A search compares trials at one epoch with one another, so an early accuracy has to rank them, and need not be exact.
"""

from dataclasses import replace

from training.config import TrialConfig


def evaluated_with(config: TrialConfig, epoch: int) -> TrialConfig:
    """Return the configuration whose attack measures a trial after `epoch` epochs: `config` itself after the last one.

    Before it the attack has `eval_early_attack_steps` steps, if they are set. Each step is larger in proportion, so
    that all of them together reach as far.
    """
    steps = config.eval_early_attack_steps
    if steps == 0 or epoch >= config.last_epoch:
        return config
    step_size = config.eval_attack_step_size * config.eval_attack_steps / steps
    return replace(config, eval_attack_steps=steps, eval_attack_step_size=step_size, eval_early_attack_steps=0)
