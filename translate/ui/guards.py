"""What the page's server refuses before Gradio sees it: other names, and addresses that it would have to fetch."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

POLICY = "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'"
"""Content-Security-Policy: the browser loads nothing from another host."""
QUESTION = 2**20
"""Bytes of a question at most, uploads aside, whose size Gradio limits."""
UPLOAD = "/gradio_api/upload"
ADDRESS = "no address is fetched for anybody"
THIS_MACHINE = ("127.0.0.1", "localhost", "[::1]")


class Hosts:
    """The names that the page is asked for, None: any. Or a web site whose name leads here (DNS rebinding) could read
    the page in its visitor's browser."""

    def __init__(self, host: str | None) -> None:
        self._names = None if host is None else [*THIS_MACHINE, host]
        self._made: list[Any] = []

    def add(self, name: str) -> None:
        """Allow another name, also while the page is served."""
        for one in self._made:
            one.allowed_hosts.append(name.lower())

    def guards(self) -> list[Any]:
        """The middleware of the page, as Starlette takes it."""
        from starlette.middleware import Middleware

        return [Middleware(Headers), *([Middleware(self._trusted)] if self._names else []), Middleware(NoAddresses)]

    def _trusted(self, app: Any) -> Any:
        from starlette.middleware.trustedhost import TrustedHostMiddleware

        self._made.append(TrustedHostMiddleware(app, allowed_hosts=self._names, www_redirect=False))
        return self._made[-1]


class Headers:
    """An ASGI middleware: every answer says what a browser may do with it."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on, and add to the head of the answer."""

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", []).extend(
                    [
                        (b"content-security-policy", POLICY.encode()),
                        (b"x-content-type-options", b"nosniff"),
                        (b"referrer-policy", b"no-referrer"),
                    ]
                )
            await send(message)

        await self._app(scope, receive, sent)


class NoAddresses:
    """An ASGI middleware: no visitor makes this machine fetch anything, as Gradio would for a path that is a URL."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on, or answer with 400 (no JSON), 403 (an address in it) or 413 (too long)."""
        refused, asks = None, scope["type"] == "http"
        if asks and "://" in scope["path"]:
            refused = 403, ADDRESS
        elif asks and scope["method"] not in ("GET", "HEAD") and _place(scope) != UPLOAD:
            body = await _body(receive)
            refused = _wrong(body)
            receive = _again(body or b"", receive)
        await (self._app if refused is None else _answer(*refused))(scope, receive, send)


def _place(scope: Any) -> str:
    return str(scope["path"]).removeprefix(scope.get("root_path", ""))


async def _body(receive: Any) -> bytes | None:
    """All of it, None where it is longer than a question is or does not come to its end."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > QUESTION:
            return None
        if not message.get("more_body", False):
            return body


def _again(body: bytes, receive: Any) -> Callable[[], Any]:
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Any:
        return left.pop() if left else await receive()

    return received


def _wrong(body: bytes | None) -> tuple[int, str] | None:
    if body is None:
        return 413, "the question is too long"
    try:
        return (403, ADDRESS) if body and _names_address(json.loads(body)) else None
    except (ValueError, RecursionError):
        return 400, "the question is no JSON"


def _names_address(value: Any) -> bool:
    """Whether the path of a file is one of the web's; "url" is for the browser, and never fetched here."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            path = one.get("path")
            if isinstance(path, str) and "://" in path:
                return True
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
    return False


def _answer(status: int, what: str) -> Any:
    from starlette.responses import JSONResponse

    return JSONResponse({"detail": what}, status)
