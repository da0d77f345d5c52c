"""Who may ask the page's server: the browser that has the token, from the page itself."""

import hashlib
import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# The names of this machine. With another one, a foreign site has sent the browser here: DNS rebinding.
_HOSTS = {"127.0.0.1", "localhost"}
_READING = {"GET", "HEAD"}
TOKEN = "token"  # noqa: S105 - the name of the parameter
_NEW_LINK = "Open the link that `tuner ui --live` printed last."


def new_token() -> str:
    """Return a token that cannot be guessed."""
    return secrets.token_urlsafe(32)


def cookie_name(token: str) -> str:
    """Return the name of the cookie with the token. Servers on other ports share a browser's cookies, so it differs."""
    return f"tuner_live_{hashlib.sha256(token.encode()).hexdigest()[:8]}"


def refusal(method: str, headers: Mapping[str, str], given: str, token: str) -> str | None:
    """Return why a request is refused, None if it is not; `given` is its token, `headers` have names in lower case.

    A request that may change something must also say that it comes from the page: browsers always send its origin.
    """
    if not secrets.compare_digest(given.encode(), token.encode()):
        return f"This page needs its token. {_NEW_LINK}"
    host = headers.get("host", "")
    if host.rpartition(":")[0] not in _HOSTS and host not in _HOSTS:
        return f"The page is at 127.0.0.1, but was asked for as {host!r}. {_NEW_LINK}"
    if method not in _READING and headers.get("origin") != f"http://{host}":
        return "The request does not come from the page."
    return None


class Gate:
    """Answers 403 to every request that `refusal` refuses, before anything else sees it."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an allowed request on."""
        if scope["type"] != "http":
            return
        request = Request(scope)
        given = request.query_params.get(TOKEN) or request.cookies.get(cookie_name(self._token), "")
        reason = refusal(request.method, request.headers, given, self._token)
        answer = self._app if reason is None else PlainTextResponse(reason, 403)
        await answer(scope, receive, send)
