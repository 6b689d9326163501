"""Access control: hosts, origins, the session's cookie, and the page's security headers."""

import ipaddress
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

Handler = Callable[[Request], Awaitable[Response]]

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

OPEN_PATHS = ("/", "/openapi.json")
"""Paths that need no session's cookie, the page only its token; so are the page's static files."""


@dataclass(frozen=True)
class Door:
    """The address of the service, and its secret.

    A session starts with the token, which is the same secret: the link printed by `venule serve`
    contains it, because other accounts of this computer can connect too.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    _once: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    @property
    def on_loopback(self) -> bool:
        """Return whether only this computer can connect."""
        return self.host == "localhost" or _is_loopback(self.host)

    @property
    def cookie(self) -> str:
        """The cookie's name, which includes the port, as browsers share cookies between ports."""
        return f"venule-{self.port}"

    @property
    def url(self) -> str:
        """The URL that opens the page."""
        return self._url(self.secret)

    def url_once(self) -> str:
        """A URL that opens the page once, for a browser's command line, which others may see."""
        token = secrets.token_urlsafe(32)
        self._once.add(token)
        return self._url(token)

    def _url(self, token: str) -> str:
        host = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(
            self.host, self.host
        )
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}/?token={token}"

    def knows_host(self, header: str) -> bool:
        """Return whether a Host header names this service.

        DNS rebinding needs a foreign name that resolves to this host, so IP addresses are safe.
        """
        try:
            parts = urlsplit(f"//{header}")
            name, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        if (80 if port is None else port) != self.port or parts.path or parts.username is not None:
            return False
        if name == self.host.lower() or name == "localhost":
            return True
        if _is_loopback(name):
            return True
        if self.on_loopback:
            return False
        own = {socket.gethostname().lower(), socket.getfqdn().lower()}
        return name in own or _is_address(name)

    def is_known(self, request: Request) -> bool:
        """Return whether a request carries the session's secret."""
        shown = request.cookies.get(self.cookie, "")
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            shown = bearer.strip()
        return secrets.compare_digest(shown.encode(), self.secret.encode())

    async def __call__(self, request: Request, handle: Handler) -> Response:
        """Handle a request, or refuse it before its body is read."""
        response = self._refusal(request) or self._introduction(request)
        if response is None:
            response = await handle(request)
        response.headers.update(HEADERS)
        if "cache-control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response

    def _refusal(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if not self.knows_host(host):
            return _refuse(421, "unknown host name; use the address that venule serve printed")
        origin = request.headers.get("origin")
        if origin is not None and origin != f"{request.url.scheme}://{host}":
            return _refuse(403, "requests from other pages are refused")
        site = request.headers.get("sec-fetch-site", "none")
        navigates = request.url.path == "/" and request.method == "GET"
        if site not in ("same-origin", "none") and not navigates:
            return _refuse(403, "requests from other pages are refused")
        path = request.url.path
        is_open = path in OPEN_PATHS or path.startswith("/static/")
        if is_open and (self.on_loopback or path == "/" or path.startswith("/static/")):
            return None
        if not self.is_known(request):
            return _refuse(401, "open the link that venule serve printed, which starts a session")
        return None

    def _introduction(self, request: Request) -> Response | None:
        """The response to a request for the page that has the token, or no session."""
        if request.url.path != "/":
            return None
        if not self._admits(request.query_params.get("token", "")):
            if self.is_known(request):
                return None
            return _refuse(401, "open the link that venule serve printed, which has a token")
        query = request.url.remove_query_params("token").query  # removed from the address
        response = RedirectResponse(f"/?{query}" if query else "/", status_code=303)
        # Lax, as a mail or a terminal in a page may open the link; nothing else is linked to.
        response.set_cookie(self.cookie, self.secret, httponly=True, samesite="lax", path="/")
        return response

    def _admits(self, token: str) -> bool:
        if token in self._once:
            self._once.discard(token)
            return True
        return secrets.compare_digest(token.encode(), self.secret.encode())


def _refuse(status: int, detail: str) -> Response:
    return JSONResponse({"detail": detail}, status_code=status)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_address(name) and ipaddress.ip_address(name).is_loopback
