"""The names of samplers: those of the project, registered beside their factories, and `module:attribute` of a user.

    @SAMPLERS.register("nsga2", facts=SamplerFacts(learns=True))
    def nsga2(*, seed: int, evidence: Evidence) -> BaseSampler: ...

What is registered is called anew for each proposal, with what it asks for by the names of its parameters: `seed` (of
this proposal), `evidence` (what is known of the trials), `number` (of the trial), `search_seed` and `distributions` (of
the parameters that are proposed). So a proposal is a function of the ledger, the seed and the trial's number.
"""

from dataclasses import dataclass

from training.nearest_names import did_you_mean
from training.outside_code import PlugInError, is_outside
from training.registry import Registry
from training.registry_entry import Entry

SAMPLERS = Registry("sampler", "tuner.search.sampling", ("seed", "evidence", "number", "search_seed", "distributions"))


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplerFacts:
    """What a search must know of a sampler before it proposes.

    Attributes:
        learns: it models the measured trials. Until there are enough of them, the proposals are random; the trials of
            an earlier search can be given to it.
        proposes: it proposes points. The sampler `grid` does not: its points are listed.
        slow: a proposal may take seconds, so that it is made in another thread while trials report.
        conditions: it may propose the parameters in groups, those without conditions first, as a space with
            conditional parameters needs it.

    """

    learns: bool = False
    proposes: bool = True
    slow: bool = False
    conditions: bool = True


def facts_of(name: str) -> SamplerFacts:
    """Return the facts of a known sampler, by default those of one that does not learn."""
    facts: SamplerFacts = SAMPLERS[name].facts or SamplerFacts()
    return facts


def learning_samplers() -> list[str]:
    """Return the names of the samplers that learn from trials."""
    return [name for name in SAMPLERS if facts_of(name).learns]


def sampler_fault(name: str, *, has_conditions: bool) -> str | None:
    """Return why a space cannot have this sampler, None if it can. The code from outside that it names is imported."""
    try:
        entry: Entry = SAMPLERS[name]
    except PlugInError as error:
        return f"the value is {name!r}, but {error}"
    except KeyError:
        return unknown_sampler(name)
    if has_conditions and not (entry.facts or SamplerFacts()).conditions:
        known = ", ".join(each for each in SAMPLERS if facts_of(each).conditions)
        return f"{name} takes no parameters with conditions (when); use one of {known}"
    return None


def unknown_sampler(name: str) -> str | None:
    """Return what is wrong with the name of a sampler, without importing code from outside."""
    if is_outside(name) or name in SAMPLERS:
        return None
    hint = did_you_mean(name, SAMPLERS, most=1)
    return (
        f"the value is {name!r}, but must be one of {', '.join(SAMPLERS)}, or MODULE:NAME of your own; {hint}".rstrip(
            "; "
        )
    )
