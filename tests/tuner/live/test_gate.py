"""Who may ask the page's server."""

import pytest

from tuner.live.gate import cookie_name, new_token, refusal

TOKEN = "a-token"
HOST = "127.0.0.1:5001"


@pytest.mark.parametrize("host", [HOST, "localhost:5001", "localhost:8080", "127.0.0.1"])
def test_the_page_reads_and_writes_under_the_names_of_this_machine(host: str) -> None:
    assert refusal("GET", {"host": host}, TOKEN, TOKEN) is None
    assert refusal("POST", {"host": host, "origin": f"http://{host}"}, TOKEN, TOKEN) is None


@pytest.mark.parametrize("given", ["", "a-toke", "a-token2", "ä"])
def test_every_request_needs_the_token(given: str) -> None:
    assert refusal("GET", {"host": HOST}, given, TOKEN) is not None


@pytest.mark.parametrize("host", ["", "evil.example", "evil.example:5001", "127.0.0.1.evil.example:5001", "[::1]:5001"])
def test_another_name_of_the_machine_is_refused(host: str) -> None:
    assert refusal("GET", {"host": host}, TOKEN, TOKEN) is not None


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "https://127.0.0.1:5001", "http://127.0.0.1:1"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_what_may_change_something_must_come_from_the_page(method: str, origin: str | None) -> None:
    headers = {"host": HOST} if origin is None else {"host": HOST, "origin": origin}
    assert refusal(method, headers, TOKEN, TOKEN) is not None


def test_tokens_and_their_cookies_differ() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == len({cookie_name(token) for token in tokens}) == 100
    assert not any(token in cookie_name(token) for token in tokens)
