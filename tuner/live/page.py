"""The page, its style and its script, from the templates of this room and those of `front.html`."""

from pathlib import Path

from plotly.offline import get_plotlyjs

from tuner.report.load import LoadedSearch
from tuner.report.web.page import SLOTS, commands_by_outcome
from tuner.report.web.plotly_front import FONT
from tuner.report.web.rendering import as_script_data, templates
from tuner.steering.arguments import SETTINGS

_TEMPLATES = templates(Path(__file__).with_name("templates"))
_SCRIPTS = ("figures.js", "trial.js", "live.js")
_STYLES = ("page.css", "live.css")
# Only this server's files. Plotly compiles the shaders of large figures from text, and writes styles into the page.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page_html(search: LoadedSearch) -> str:
    """Return the page of a search, without what changes: its script asks for that."""
    return _TEMPLATES.get_template("live.html").render(
        title=search.data.search,
        parameters={name: parameter.text for name, parameter in search.space.parameters.items()},
        settings=SETTINGS,
        commands=commands_by_outcome(search.data),
        slots=SLOTS,
        data=as_script_data,
    )


def scripts() -> dict[str, tuple[str, str]]:
    """Return the files that the page loads by name, each with its media type."""
    return {
        "plotly.js": (get_plotlyjs(), "text/javascript"),
        "live.js": ("\n".join(map(_filled, _SCRIPTS)), "text/javascript"),
        "live.css": ("\n".join(map(_filled, _STYLES)), "text/css"),
    }


def _filled(name: str) -> str:
    return _TEMPLATES.get_template(name).render(font=FONT)
