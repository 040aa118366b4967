"""The server of the page: on this machine only, for those who know a random token."""

from __future__ import annotations

import errno
import hmac
import logging
import os
import secrets
import signal
import socket
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from steepest.errors import EngineUnavailableError, InputError
from steepest.play.subject import Subject

try:
    from bokeh.document import Document
    from bokeh.server.auth_provider import AuthProvider
    from bokeh.server.server import Server
    from bokeh.settings import settings
    from tornado.ioloop import IOLoop
    from tornado.web import HTTPError
except ImportError as error:
    raise EngineUnavailableError(
        "the playground needs bokeh, which is not installed: pip install 'steepest[play]'"
    ) from error

from steepest.play.browser.page import Page

ADDRESS = "127.0.0.1"
PORT = 5007

_LARGEST = 1 << 20
"""Largest message that the page may send, in bytes."""


class TokenNeeded(AuthProvider):  # type: ignore[misc]
    """Refuse with 403 whoever does not give the token, before a page or a websocket opens.

    Parameters
    ----------
    token
        The token.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        super().__init__()

    @property
    def get_user(self) -> None:
        """None: :meth:`get_user_async` is asked, which is called before a websocket opens."""
        return None

    @property
    def get_user_async(self) -> Callable[[Any], Any]:
        """What admits a request, or raises."""

        async def user_of(handler: Any) -> str:
            given = handler.get_query_argument("token", "").encode()
            if not hmac.compare_digest(given, self._token):
                raise HTTPError(403, reason="The address needs its token")
            handler.set_header("Referrer-Policy", "no-referrer")
            handler.set_header("Cache-Control", "no-store")
            return "visitor"

        return user_of

    @property
    def login_url(self) -> str:
        """A page to log in at, which Bokeh asks for; nobody is sent there."""
        return "/"

    @property
    def get_login_url(self) -> None:
        """None: see :attr:`login_url`."""
        return None

    @property
    def login_handler(self) -> None:
        """None: nobody logs in."""
        return None

    @property
    def logout_url(self) -> None:
        """None: nobody logs out."""
        return None

    @property
    def logout_handler(self) -> None:
        """None: nobody logs out."""
        return None


@dataclass(frozen=True)
class Playground:
    """A server that is set up.

    Attributes
    ----------
    url
        The address of the page, with its token.
    server
        Bokeh's server.
    """

    url: str
    server: Any


def set_up(subjects: Sequence[Subject], port: int = PORT) -> Playground:
    """Return a server that listens, but does not answer yet.

    Parameters
    ----------
    subjects
        The functions of the menu; the first one is shown.
    port
        Where to listen; 0 for any free port.

    Raises
    ------
    InputError
        If the port is taken or cannot be used.
    """
    port = _usable(port)
    settings.resources = "inline"  # the page needs nothing from a network
    for name in ("bokeh", "tornado"):
        logging.getLogger(name).setLevel(logging.ERROR)
    token = secrets.token_urlsafe(24)

    def make_page(document: Document) -> None:
        Page(document, subjects, _language_of(document))

    server = Server(
        {"/": make_page},
        address=ADDRESS,
        port=port,
        allow_websocket_origin=[f"{ADDRESS}:{port}", f"localhost:{port}"],
        auth_provider=TokenNeeded(token),
        secret_key=secrets.token_bytes(32),
        sign_sessions=True,
        use_index=False,
        websocket_max_message_size=_LARGEST,
    )
    return Playground(f"http://{ADDRESS}:{port}/?token={token}", server)


def _usable(port: int) -> int:
    """Return a port that can be listened on; for 0 one that is free."""
    if not 0 <= port <= 65535:
        raise InputError(f"--port must be a number from 0 to 65535, got {port}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, os.name == "posix")
        try:
            probe.bind((ADDRESS, port))
            probe.listen(1)
        except OSError as error:
            why = str(error.strerror)
            if error.errno == errno.EADDRINUSE:
                why = "another program uses it; choose another one, --port 0 takes any"
            raise InputError(f"cannot listen on port {port}: {why}") from None
        return int(probe.getsockname()[1])


def _language_of(document: Document) -> str:
    """Return the language that the browser prefers, of those that there are."""
    context = document.session_context
    headers = {} if context is None else context.request.headers
    preferred = str(headers.get("Accept-Language", "en")).split(",")[0]
    return "zh" if preferred.lower().startswith("zh") else "en"


def serve(playground: Playground, opens_browser: bool = True) -> None:
    """Answer until Ctrl-C."""
    loop = IOLoop.current()
    server = playground.server

    def stop(number: int, frame: Any) -> None:
        signal.signal(number, before[number])  # a second one ends what hangs
        loop.add_callback_from_signal(loop.stop)

    kinds = (signal.SIGINT, signal.SIGTERM)
    before = {int(kind): signal.getsignal(kind) for kind in kinds}
    for kind in kinds:
        signal.signal(kind, stop)
    try:
        server.start()
        if opens_browser:
            loop.call_later(0, webbrowser.open, playground.url)
        loop.start()
    finally:
        server.stop()
        for number, handler in before.items():
            signal.signal(number, handler)
