"""What to know of the accuracies before the last epoch, if another attack measures them than the one at the end."""

from training.config import own_value
from training.config.preset_files import with_preset
from tuner.report.analysis.front_data import FrontData


def early_attack_note(data: FrontData) -> list[str]:
    """Return a sentence with the steps of both attacks; none if all epochs have the same attack."""
    early = own_value(data.setting, "eval_early_attack_steps")
    if early == 0:
        return []
    steps = own_value(with_preset(data.setting), "eval_attack_steps")
    rule = "so their robust accuracies are not comparable with final ones"
    return [f"Epochs before the last one are measured by PGD with {early} steps in place of {steps}, {rule}."]
