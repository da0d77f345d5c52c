"""The routes of the page's server: each reads the ledger anew, or writes one instruction into it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plotly.io.json import to_json_plotly
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tuner.errors import UsageError
from tuner.ledger import LedgerError, SqlLedger
from tuner.live.gate import TOKEN, Gate, cookie_name
from tuner.live.orders import read_order
from tuner.live.page import CONTENT_POLICY, page_html, scripts
from tuner.live.snapshot import snapshot, trial_snapshot
from tuner.redact import redact
from tuner.report.load import LoadedSearch, search_on_record
from tuner.report.status import status_on_record
from tuner.runs.find import find_search
from tuner.runs.folder import SearchFolder, recorded_space
from tuner.runs.lock import is_driven

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CONTENT_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_JSON = "application/json"


@dataclass(frozen=True)
class LiveSearch:
    """A search as the page's server reads and steers it: it is opened for each request, so it may be deleted."""

    runs_dir: Path
    name: str
    ledger_url: str | None = None
    clock: Callable[[], float] = time.time

    @contextmanager
    def opened(self) -> Iterator[tuple[SearchFolder, SqlLedger]]:
        """Open the ledger; raise UsageError if there is no such search any more, or if it cannot be read."""
        folder = find_search(self.runs_dir, self.name)
        with folder.ledger(self.ledger_url) as ledger:
            yield folder, ledger

    def load(self) -> LoadedSearch:
        """Return the search as it is on record."""
        with self.opened() as (folder, ledger):
            return search_on_record(folder, ledger)

    def snapshot(self, known_figure: str) -> dict[str, Any]:
        """Return what the page shows."""
        with self.opened() as (folder, ledger):
            search = search_on_record(folder, ledger)
            status = status_on_record(folder, ledger, search.space, search.trials, self.clock())
            return snapshot(status, search, known_figure)

    def trial(self, number: int) -> dict[str, Any]:
        """Return what the page shows of one trial."""
        with self.opened() as (folder, ledger):
            return trial_snapshot(search_on_record(folder, ledger), number)

    def instruct(self, order: Any) -> dict[str, Any]:
        """Record an instruction; raise UsageError if no driver could obey it. Return its number."""
        with self.opened() as (folder, ledger):
            driven = is_driven(folder.path, ledger.url)
            space, trials = recorded_space(ledger), ledger.load()
            kind, arguments = read_order(order, self.name, space, trials, driven=driven)
            return {"number": ledger.instruct(kind, arguments), "driven": driven}


def application(search: LiveSearch, token: str) -> Starlette:
    """Return the server's application; all its answers need the token."""
    files = scripts()

    def page(request: Request) -> Response:
        if TOKEN in request.query_params:  # from now on it is in a cookie, and no longer in the address
            moved = RedirectResponse(".", 303, _HEADERS)
            moved.set_cookie(cookie_name(token), token, httponly=True, samesite="lax")
            return moved
        return Response(page_html(search.load()), headers=_HEADERS, media_type="text/html")

    def file(request: Request) -> Response:
        text, media_type = files[request.url.path.rpartition("/")[2]]
        return Response(text, headers=_HEADERS, media_type=media_type)

    def data(request: Request) -> Response:
        return _json(search.snapshot(request.query_params.get("figure", "")))

    def trial(request: Request) -> Response:
        return _json(search.trial(request.path_params["number"]))

    async def instruct(request: Request) -> Response:
        try:
            order = json.loads(await request.body())
        except (ValueError, RecursionError):
            order = None
        return _json(await run_in_threadpool(search.instruct, order), 202)

    routes = [
        Route("/", page),
        *(Route(f"/{name}", file) for name in files),
        Route("/data", data),
        Route("/trials/{number:int}", trial),
        Route("/instructions", instruct, methods=["POST"]),
    ]
    gate = Middleware(Gate, token=token)
    return Starlette(routes=routes, middleware=[gate], exception_handlers={UsageError: _explain})


def _explain(request: Request, error: Exception) -> Response:
    """Return an error as its sentence: 422 for what a user asked, 404 for what is not there, 503 for the ledger."""
    missing = 422 if request.method == "POST" else 404
    return _json({"error": redact(str(error))}, 503 if isinstance(error, LedgerError) else missing)


def _json(value: Any, status: int = 200) -> Response:
    """Return plain values as JSON, in which what is no number is null."""
    return Response(str(to_json_plotly(value)), status, _HEADERS, _JSON)
