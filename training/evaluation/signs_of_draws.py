"""Warning signs of an evaluation with a sampled latent, whose noise looks like robustness."""

from collections.abc import Iterator, Sequence

from training.evaluation.latent import ATTACK_DRAWS, PREDICTION_DRAWS, LatentMode
from training.evaluation.result import AttackResult, WarningSign


def signs_of_draws(mode: LatentMode, attacks: Sequence[AttackResult]) -> Iterator[WarningSign]:
    """Yield what makes the figures of draws doubtful; nothing for the latent's mean."""
    yield from _few_draws(mode)
    yield from _incomplete_union(mode, attacks)


def _few_draws(mode: LatentMode) -> Iterator[WarningSign]:
    few = mode.attack_draws < ATTACK_DRAWS or mode.prediction_draws < PREDICTION_DRAWS
    if not mode.deterministic and few:
        yield WarningSign(
            "few_draws",
            f"The latent is sampled with {mode.attack_draws} draws per gradient and {mode.prediction_draws} per"
            f" prediction. With fewer than {ATTACK_DRAWS} and {PREDICTION_DRAWS}, noise looks like robustness.",
        )


def _incomplete_union(mode: LatentMode, attacks: Sequence[AttackResult]) -> Iterator[WarningSign]:
    """Look for the two kinds of attacks whose union is the figure of a sampled latent."""
    if mode.name != "sampled" or not attacks:
        return
    kinds = {
        "in expectation over draws (pgd20)": any(attack.parameters.get("draws", 1) > 1 for attack in attacks),
        "on the mean path (autoattack)": any(attack.family == "mean_path" for attack in attacks),
    }
    missing = [kind for kind, is_there in kinds.items() if not is_there]
    if missing:
        yield WarningSign(
            "sampled_union_incomplete",
            f"The latent is sampled, but there is no attack {' and none '.join(missing)}: the figures of a sampled"
            " latent are the union of both kinds, and one alone flatters.",
        )
