"""Who may use the studio: the browser that has the link, from a page of the studio itself.

The link that the command prints holds a token of this start. It is exchanged for a cookie, which
scripts cannot read and other sites cannot send. The Host header must name this machine, so that a
foreign name that resolves to it (DNS rebinding) is refused, and what changes something must come
from a page of the same origin.
"""

import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from urllib.parse import urlsplit

from markupsafe import escape
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Bytes of a token.
_TOKEN_BYTES = 32
# Methods that change nothing.
_SAFE_METHODS = ("GET", "HEAD")
# Only files of the studio itself run or style a page; pictures may also be made in the page.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
# Among the allowed hosts: every numeric address of this machine.
ANY_ADDRESS = "*"
_FOREIGN_HOST = (
    "The address in the browser is not one of this machine; open the link that `faceloom studio` "
    "printed."
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NOT_ALLOWED = (
    "Open the studio with the link that `faceloom studio` printed; it is valid until the studio "
    "ends."
)


def new_token() -> str:
    """Return a random token for one start of the studio."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


class Security:
    """ASGI middleware that refuses every request that is not from the studio's own page."""

    def __init__(self, app: ASGIApp, token: str, cookie: str, hosts: Iterable[str] = ()):
        """Wrap an application.

        Args:
            app: The application.
            token: The token of this start.
            cookie: Name of the cookie; browsers share cookies among the ports of a host.
            hosts: Names of this machine, beside its loopback names, that the Host header may have;
                `ANY_ADDRESS` allows every numeric address, which no foreign name can resolve into.
        """
        self._app = app
        self._token = token
        self._cookie = cookie
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request.

        Args:
            scope: The ASGI scope.
            receive: Receives the body.
            send: Sends the answer.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = self._refusal(Request(scope))
        await (answer or self._app)(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> Response | None:
        """Return the answer to a request that does not reach the application; None if it does."""
        if not self._is_own_host(request.headers):
            return PlainTextResponse(_FOREIGN_HOST, 421)
        given = request.query_params.get("token")
        if given is not None and request.method == "GET":
            return self._exchange(request, given)
        if not self._matches(request.cookies.get(self._cookie, "")):
            return PlainTextResponse(_NOT_ALLOWED, 401)
        if request.method not in _SAFE_METHODS and not _is_same_origin(request.headers):
            return PlainTextResponse("The request does not come from a page of the studio.", 403)
        return None

    def _exchange(self, request: Request, given: str) -> Response:
        """Set the cookie and remove the token from the address."""
        if not self._matches(given):
            return PlainTextResponse(_NOT_ALLOWED, 401)
        # A page of our own, since browsers do not send a strict cookie to a redirect that began
        # at a link of another site.
        page = (
            f'<!doctype html><meta http-equiv="refresh" content="0;url={escape(request.url.path)}">'
        )
        answer = HTMLResponse(page)
        answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
        return answer

    def _matches(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    def _is_own_host(self, headers: Headers) -> bool:
        host = _host_name(headers.get("host", ""))
        allows_address = ANY_ADDRESS in self._hosts and _is_address(host)
        return host in self._hosts or is_loopback(host) or allows_address


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's loopback.

    Args:
        host: A name or an address, without a port.
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        # Such as a bracket that is not closed.
        return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_same_origin(headers: Headers) -> bool:
    """Return whether the page that sends a request is of the host that gets it."""
    origin = headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == headers.get("host")
