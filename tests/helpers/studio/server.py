"""A studio on a free port of this machine, and requests to it."""

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from unittest.mock import patch

import uvicorn

from faceloom.studio.studio import Studio, open_studio
from faceloom.studio.web.app import create_app
from faceloom.studio.web.server import PageServer

TOKEN = "token-of-this-start"


@dataclass(frozen=True)
class Answer:
    """The answer to a request."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def text(self) -> str:
        return self.content.decode()


@dataclass(frozen=True)
class StudioServer:
    """A running studio."""

    studio: Studio
    port: int

    @property
    def link(self) -> str:
        return f"http://localhost:{self.port}/?token={TOKEN}"

    def own_headers(self) -> dict[str, str]:
        """The headers of a request from the studio's own page."""
        host = f"localhost:{self.port}"
        return {
            "Host": host,
            "Origin": f"http://{host}",
            "Cookie": f"faceloom_studio={TOKEN}",
        }

    def request(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request with exactly these headers; None sends those of the own page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in (self.own_headers() if headers is None else headers).items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, names, content)

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, headers={**self.own_headers(), **headers})

    def get_picture(self, path: str) -> Answer:
        """Repeat the request of a picture until it is ready."""
        answer = self.get(path)
        while answer.status == HTTPStatus.ACCEPTED:
            answer = self.get(path)
        return answer

    def post(self, path: str, /, **body: object) -> Answer:
        return self.request("POST", path, json.dumps(body).encode())


class _QuickAsyncio:
    """asyncio with short waits: uvicorn looks ten times a second whether it shall end."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / 20)


@contextmanager
def serve_studio(folder: Path, *roots: Path, hosts: tuple[str, ...] = ()) -> Iterator[StudioServer]:
    """Serve a project from a thread of this process."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        open_studio(folder, roots) as studio,
        patch("uvicorn.server.asyncio", _QuickAsyncio()),
    ):
        app = create_app(studio, TOKEN, "faceloom_studio", hosts)
        config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none")
        server = PageServer(config, studio)
        server.config.timeout_graceful_shutdown = 1
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield StudioServer(studio, listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()
