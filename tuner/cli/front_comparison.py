"""`tuner front` of several searches, or of one search by a parameter: a table, and a page or a picture."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tuner.cli.options import Format
from tuner.errors import UsageError

if TYPE_CHECKING:
    from tuner.report.analysis.front_data import FrontData
    from tuner.report.figure.comparison import Comparison


def compare_fronts(searches: "list[FrontData]", by: str | None, output: Format, out: Path | None) -> None:
    """Print the fronts of several searches side by side, and draw them into the file `out`.

    With `by` it is one search, and each value of that parameter has a front.
    """
    from tuner.report.figure.comparison import by_parameter, compare

    if out is not None and out.suffix not in {".html", ".png", ".svg"}:
        raise UsageError(f"--out is {out}, but must end in .html for a page, or in .png or .svg for a picture.")
    title = None
    if by is not None:
        if len(searches) > 1:
            raise UsageError(f"--by {by} compares parts of one search, but you named {len(searches)}: name only one.")
        title = f"{searches[0].search} by {by}"
        searches = by_parameter(searches[0], by)
    shown = compare(searches, title, by)
    if output is Format.TABLE:
        from tuner.report.console.rich_table import rich_table
        from tuner.report.console.terminal import terminal

        title = shown.title if by else "Fronts"
        optional = ("Hypervolume", "Front", "Completed")
        terminal().print(rich_table(title, " ".join(shown.notes), shown.table, emphasised="", optional=optional))
    else:
        from tuner.report.console.listing import print_rows

        print_rows(shown.rows, output.value)
        for note in shown.notes:
            typer.echo(note, err=True)
    if out is not None:
        _write_comparison(out, shown)


def _write_comparison(out: Path, shown: "Comparison") -> None:
    if out.suffix == ".html":
        from tuner.report.web.comparison_page import comparison_html

        content = comparison_html(shown).encode()
    else:
        from tuner.report.image.comparison_image import comparison_picture

        content = comparison_picture(shown, "png" if out.suffix == ".png" else "svg")
    try:
        out.write_bytes(content)
    except OSError as error:
        raise UsageError(f"--out {out} cannot be written ({error}): choose another place.") from error
    typer.echo(f"  {out}", err=True)
