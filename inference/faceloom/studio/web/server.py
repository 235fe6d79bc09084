"""Serve the studio until Ctrl-C."""

import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from faceloom.errors import UsageError
from faceloom.studio.studio import Studio, open_studio
from faceloom.studio.web.app import create_app
from faceloom.studio.web.security import ANY_ADDRESS, is_loopback, new_token

# Seconds that open pages have to end their event streams when the studio ends.
_SHUTDOWN_SECONDS = 2


def serve(
    folder: Path, host: str, port: int, roots: tuple[Path, ...], on_ready: Callable[[str], None]
) -> None:
    """Open a project and serve its pages until Ctrl-C.

    Args:
        folder: The project's folder.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        roots: Folders that the path picker shows.
        on_ready: Called with the link to open.

    Raises:
        UsageError: The folder or the port cannot be used.
        ArtifactRefused: A file of the project is damaged.
    """
    with _listen(host, port) as listener, open_studio(folder, roots) as studio:
        port = listener.getsockname()[1]
        token, name = new_token(), _link_name(host)
        hosts = (ANY_ADDRESS if _is_wildcard(host) else host.lower(), name.lower())
        app = create_app(studio, token, f"faceloom_studio_{port}", hosts)
        config = uvicorn.Config(
            app,
            log_level="warning",
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
        on_ready(f"http://{name}:{port}/?token={token}")
        PageServer(config, studio).run(sockets=[listener])


class PageServer(uvicorn.Server):
    """A server that ends a running estimate before it waits for the requests that need it."""

    def __init__(self, config: uvicorn.Config, studio: Studio):
        """Serve a studio.

        Args:
            config: The settings of the server.
            studio: The studio.
        """
        super().__init__(config)
        self._studio = studio

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the estimate, then what the base class ends.

        Args:
            sockets: The sockets that it listens on.
        """
        self._studio.estimator.close()
        await super().shutdown(sockets)


def _is_wildcard(host: str) -> bool:
    """Return whether an address stands for all addresses of this machine."""
    return host in ("0.0.0.0", "::")  # noqa: S104


def _link_name(host: str) -> str:
    """Return how a link names this machine."""
    if is_loopback(host):
        return "localhost"
    if _is_wildcard(host):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # A browser that is faster than the server waits instead of being refused.
        listener.listen()
    except OSError as error:
        listener.close()
        raise UsageError(
            f"The studio cannot listen on {host}, port {port} ({error.strerror}); choose another "
            "--port, or 0 for any free one."
        ) from error
    return listener
