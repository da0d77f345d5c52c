"""`tuner front NAME --rerank ATTACKS`: attack the best trials again and show how their order changes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.cli.options import Format
from tuner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tuner.report.load import LoadedSearch

Rerank = Annotated[
    str | None,
    typer.Option(
        "--rerank",
        metavar="A,B",
        help="Attack the best trials again on validation images, with these attacks together, such as autoattack, and "
        "show how their order changes. 'help' lists the attacks.",
    ),
]
Top = Annotated[
    int | None,
    typer.Option("--top", metavar="N", min=1, help="How many trials --rerank attacks, by Pareto rank; default: 10."),
]


def require_alone(rerank: str | None, own: "Mapping[str, object]", others: "Sequence[str]", searches: int) -> None:
    """Raise UsageError if an option of `own` stands without --rerank, or --rerank beside `others` or several searches.

    `own` are the options that --rerank alone has, with None for those that are not given.
    """
    if rerank is None:
        for option, value in own.items():
            if value is not None:
                way = "name the attacks, as --rerank autoattack"
                raise UsageError(f"{option} {value} is for --rerank: {way}.", option)
        return
    if others:
        raise UsageError(f"--rerank attacks the best trials by Pareto rank: leave out {' and '.join(others)}.", others)
    if searches > 1:
        raise UsageError(f"--rerank is for one search, but {searches} are named: name one.", "--rerank")


def rerank_front(
    runs_dir: Path,
    search: "LoadedSearch",
    text: str,
    *,
    top: int | None,
    data_root: Path | None,
    output: Format,
) -> None:
    """Attack the trials, and print the table or the rows; the progress goes to standard error.

    On a terminal it is a bar, elsewhere a line for each trial.
    """
    import torch
    from rich.console import Console
    from rich.progress import Progress

    from training.attacks import AttackError
    from tuner.confirm.attacks import read_attacks
    from tuner.rerank.attack import attack_trials
    from tuner.rerank.order import Model, best_models, reranked
    from tuner.rerank.table import rerank_notes, rerank_rows, rerank_text_table
    from tuner.runs.find import find_search

    data = search.data
    norm, epsilon = search.space.shared("norm"), search.space.shared("epsilon")
    attacks = read_attacks(text, epsilon, data.classes or 10, norm=norm, option="--rerank", always=())
    models = best_models(data, search.trials, top or 10)
    # As many threads as a trial of the search: torch's own choice is many times slower for small models.
    torch.set_num_threads(search.space.resources.threads_per_process)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bars = {model: progress.add_task(model.name, total=None, start=False) for model in models}

        def on_batch(model: Model, done: int, total: int) -> None:
            progress.start_task(bars[model])
            progress.update(bars[model], completed=done, total=total)
            if done == total and not progress.console.is_terminal:
                progress.console.print(f"{model.name}: attacked", highlight=False)

        try:
            found = attack_trials(
                find_search(runs_dir, data.search),
                search.space,
                search.trials,
                models,
                attacks,
                data_root=data_root,
                on_batch=on_batch,
            )
        except AttackError as error:
            raise UsageError(f"--rerank {text!r}: {error}", "--rerank") from error
    rows = reranked(found)
    notes = rerank_notes(rows, attacks)
    if output is Format.TABLE:
        from tuner.report.console.rich_table import rich_table
        from tuner.report.console.terminal import terminal

        table = rerank_text_table(rows)
        terminal().print(rich_table(f"{data.search} attacked again", "\n".join(notes), table, emphasised=""))
    else:
        from tuner.report.console.listing import print_rows

        print_rows(rerank_rows(rows), output.value, ["trial"])
        for note in notes:
            typer.echo(note, err=True)
