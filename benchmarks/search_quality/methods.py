"""The methods that are compared, as what they change in a space."""

from typing import Any

from tuner.space.model import EarlyStoppingSpec, SearchSpec

_FULL = {"scheduler": "none"}

# Name: (section `search`, section `early_stopping`). What is not said is the project's default.
METHODS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "motpe + farthest_first": ({"sampler": "motpe"}, {"tie_break": "farthest_first"}),
    "motpe + crowding": ({"sampler": "motpe"}, {"tie_break": "crowding"}),
    "motpe + hypervolume": ({"sampler": "motpe"}, {"tie_break": "hypervolume"}),
    "motpe + keep_front": ({"sampler": "motpe"}, {"tie_break": "keep_front"}),
    "motpe + 3 brackets": ({"sampler": "motpe"}, {"brackets": 3}),
    "nsga2": ({"sampler": "nsga2"}, {}),
    "gp": ({"sampler": "gp"}, {}),
    "random": ({"sampler": "random"}, {}),
    "motpe, full trainings": ({"sampler": "motpe"}, _FULL),
    "nsga2, full trainings": ({"sampler": "nsga2"}, _FULL),
    "random, full trainings": ({"sampler": "random"}, _FULL),
}
# Needs about a second a proposal.
LEFT_OUT = ("gp",)
DEFAULT = f"{SearchSpec().sampler} + {EarlyStoppingSpec().tie_break}"
