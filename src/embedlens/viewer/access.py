"""Who may look at what is served: whoever holds the token that the printed address carries."""

from __future__ import annotations

import hmac
import secrets

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REFUSAL = (
    "This viewer answers only whoever started it. Open the whole address that was printed when it "
    "was started; it ends in ?token=..."
)


class Access:
    """A token, and one ticket that stands in for it once.

    Every user of a machine can reach its loopback. The token is a secret of 256 random bits. A
    browser is started with the ticket: command lines can be read by other users, and once the
    browser has used it, it is worth nothing.

    Examples
    --------
    >>> access = Access()
    >>> access.allows(access.token), access.allows("guessed")
    (True, False)
    >>> access.allows(access.ticket), access.allows(access.ticket)
    (True, False)
    """

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        self.ticket = secrets.token_urlsafe(32)
        self._ticket_used = False

    def allows(self, given: str) -> bool:
        """Whether it is the token, or the ticket for the first time."""
        if _equal(given, self.token):
            return True
        if self._ticket_used or not _equal(given, self.ticket):
            return False
        self._ticket_used = True
        return True


def _equal(given: str, secret: str) -> bool:
    """Compare in a time that does not tell how much of a guess is right."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())


class TokenMiddleware:
    """Lets requests in by a token in their address, or by the cookie that such a request gets.

    The page's own requests and its reloads carry the cookie. Cookies are shared by all ports of an
    address, so that its name holds the port: two viewers do not throw each other out.

    Parameters
    ----------
    app : ASGIApp
        What answers those who are let in.
    access : Access
        The token.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        name = f"embedlens-{request.url.port or 80}"
        if _equal(request.cookies.get(name, ""), self._access.token):
            await self._app(scope, receive, send)
        elif self._access.allows(request.query_params.get("token", "")):
            cookie = f"{name}={self._access.token}; Path=/; HttpOnly; SameSite=Strict"

            async def send_with_cookie(message: Message) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message).append("Set-Cookie", cookie)
                await send(message)

            await self._app(scope, receive, send_with_cookie)
        else:
            await PlainTextResponse(REFUSAL, 403)(scope, receive, send)


class OwnPageMiddleware:
    """Lets requests that change or compute something in from the viewer's own page alone.

    A cookie is sent along by pages of other ports of this machine too. Browsers say which page a
    request that is not GET comes from.

    Parameters
    ----------
    app : ASGIApp
        What answers those who are let in.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            request = Request(scope)
            origin, own = request.headers.get("origin"), request.url
            if origin != f"{own.scheme}://{own.netloc}":
                answer = PlainTextResponse("Only the viewer's own page may ask for this.", 403)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)
