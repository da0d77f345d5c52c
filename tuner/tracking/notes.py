"""The descriptions of runs in MLflow, in markdown: of a search its front with links, of a trial its commands."""

from dataclasses import dataclass

from training.yaml_text import format_yaml
from tuner.ledger import TrialRecord
from tuner.report.analysis.front_data import FrontData
from tuner.report.commands import trial_commands
from tuner.report.text import count_of
from tuner.space import Space
from tuner.tracking.store import MODEL_TRAINING, view_query

# MLflow refuses more than 8,000 characters.
_LIMIT = 7900


@dataclass(frozen=True)
class RunPage:
    """The pages of a run. The links are relative, because a server may lie below a path.

    Without the parameter in the links MLflow 3 would show its menu for generative AI beside the run.
    """

    experiment_id: str
    run_id: str

    @property
    def link(self) -> str:
        """The link to the run."""
        return self.tab("")

    def tab(self, name: str) -> str:
        """Return the link to a tab of the run's page, such as `/artifacts`."""
        return f"#/experiments/{self.experiment_id}/runs/{self.run_id}{name}?{MODEL_TRAINING}"


def search_note(key: str, table: str, front: FrontData, page: RunPage, *, has_front: bool) -> str:
    """Return the description of a search: links, its `table` in markdown, and the front as a picture.

    `key` is that of its saved view. The picture is an artifact of the run. `points` changes with it, so that no browser
    shows an old one. It is the SVG file, because MLflow shows pictures in their own size and the PNG file is wider than
    the page.
    """
    view = f"#/experiments/{page.experiment_id}/runs?{view_query(key)}"
    links = [f"[Trials]({view})", f"[Charts]({view}&compareRunsMode=CHART)"]
    if not has_front:
        return f"{' · '.join(links)}\n\n{table}"
    links.append(f"[Interactive front]({page.tab('/artifacts/front.html')})")
    text = f"{' · '.join(links)}\n\n{table}"
    if not front.candidates:
        return text
    address = f"get-artifact?path=front.svg&run_uuid={page.run_id}&points={len(front.candidates)}"
    return f"{text}\n![The front as a picture: front.svg among the artifacts]({address})\n"


def trial_note(space: Space, search: str, trial: TrialRecord, runs_flag: str, page: RunPage) -> str:
    """Return the description of a trial that has ended: commands, links, its checkpoint, and its configuration."""
    head = f"Trial {trial.number} of `{search}`: {trial.outcome.value} after {count_of(trial.epochs_trained, 'epoch')}."
    offered = trial_commands(
        search,
        trial.number,
        trial.outcome,
        runs_flag,
        has_checkpoint=trial.last_checkpoint is not None,
        of_confirmation=space.confirm is not None,
    )
    commands = "\n".join(offered)
    places = [f"[Learning curves]({page.tab('/model-metrics')})"]
    if trial.last_checkpoint:
        places.append(f"checkpoint `{trial.last_checkpoint}` in the folder of the search")
    text = f"{head}\n\n```bash\n{commands}\n```\n\n{' · '.join(places)}\n"
    configuration = format_yaml(space.given_keys(trial.parameters))
    whole = f"{text}\nConfiguration:\n\n```yaml\n{configuration}```\n"
    return whole if len(whole) <= _LIMIT else text
