"""The end of a driver: what it prints, and its exit code."""

from rich.console import Console

from tuner.confirm.presentation import Presentation
from tuner.driver.plan import Plan
from tuner.driver.progress.summary import print_closing, print_line
from tuner.engine.session_events import Ending, all_failed
from tuner.ledger import as_interrupted
from tuner.report.analysis.front_data import front_data
from tuner.report.text import last_line
from tuner.search import Search

REASONS = {
    Ending.INTERRUPTED: "Interrupted.",
    Ending.OUT_OF_TIME: "The time budget is used up.",
    Ending.BROKEN_OFF: "The search is not finished.",
}
EXIT_CODES = {Ending.FINISHED: 0, Ending.INTERRUPTED: 130, Ending.OUT_OF_TIME: 0, Ending.BROKEN_OFF: 1}


def conclude(
    console: Console,
    plan: Plan,
    search: Search,
    ending: Ending,
    presentation: Presentation,
    *,
    experiment_id: str | None,
    how_to_resume: str,
) -> int:
    """Print the results and what can be done next; return the exit code.

    `experiment_id` is that of MLflow, if it was reached.
    """
    space = plan.space
    trials = search.trials if ending is Ending.FINISHED else as_interrupted(search.trials)
    data = front_data(plan.folder.name, trials, space.objective_list, space.reference)
    for warning in presentation.warnings(plan.folder.path):
        print_line(console, f"Warning: {warning}")
    print_closing(console, presentation, data, plan, experiment_id)
    if ending is not Ending.FINISHED:
        print_line(console, f"{REASONS[ending]} {how_to_resume}")
        return EXIT_CODES[ending]
    if len(search.trials) < space.search.trials:
        print_line(console, f"Ended after {len(search.trials)} trials: {search.stop_reason}.")
    if all_failed(search.trials):
        reason = last_line(search.trials[-1].error)
        print_line(console, f"The search failed: all its trials failed. The last one: {reason}")
        return 1
    return EXIT_CODES[ending]
