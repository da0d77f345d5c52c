"""Faults of what a space says of its front: which values may be points, and which points are trained again."""

from tuner.space.model import Space
from tuner.space.repeats import SEED
from tuner.space.samplers import facts_of, learning_samplers

Problems = list[tuple[str, str]]  # path in the file, message


def candidates_problems(space: Space) -> Problems:
    """Refuse a front of epochs whose metrics are those of another epoch, or of another attack."""
    if not space.every_epoch:
        return []
    rules = []
    if space.shared("select") != "last":
        rules.append("with select: best a trial reports the metrics of its best epoch; set select: last")
    if space.shared("eval_early_attack_steps"):
        rules.append("with eval_early_attack_steps the last epoch has another attack than those before it; set it to 0")
    return [("search.candidates", f"the value is {space.search.candidates}, but {rule}") for rule in rules]


def reseed_problems(space: Space) -> Problems:
    """Refuse repeats where they have no place on the front, or where the seeds are given already."""
    if not space.reseeds:
        return []
    rules = []
    if space.search.sampler == "grid":
        rules.append("a grid trains every point with the same seeds; set search.seeds instead")
    elif not facts_of(space.search.sampler).learns:
        rules.append(
            f"{space.search.sampler} learns from no trial, so that its points are worth less than nearly every repeat; "
            f"use one of {', '.join(learning_samplers())}"
        )
    if space.names_of(SEED):
        rules.append("the seed is a parameter of the space; remove it")
    if space.every_epoch:
        rules.append("means over seeds are of final values; set search.candidates: final")
    if space.shared("select") != "last":
        rules.append("means over seeds are of the last epoch; set select: last")
    return [("search.reseed", f"the value is {space.search.reseed}, but {rule}") for rule in rules]
