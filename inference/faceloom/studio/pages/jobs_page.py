"""The queue: its page, its events, and what can be done with a job."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from faceloom.studio.jobs.job import Job
from faceloom.studio.known_projects import remember
from faceloom.studio.pages.item_links import artifact_page
from faceloom.studio.studio import Studio
from faceloom.studio.web.responses import Body, in_thread, read_body
from faceloom.studio.web.templates import render

# Seconds between two looks at the queue for its events.
_EVENT_SECONDS = 0.3
# Shortest pause after an event, as a multiple of the time that listing the queue takes: a list of
# 10,000 jobs takes 0.3 s of a processor.
_PAUSE_FACTOR = 10
# Looks after which an event without news is sent, so that a closed page is noticed.
_KEEP_ALIVE_LOOKS = 50
# Bytes at the end of a log that the page shows.
_LOG_BYTES = 100_000


class JobAction(Body):
    """What to do with a job."""

    action: Literal["stop", "resume", "remove", "move"]
    """The action; "move" moves it within the queue."""
    before: int | None = None
    """The job that it is moved before; None moves it to the end."""


class QueueAction(Body):
    """What to do with the whole queue."""

    paused: bool
    """Whether no further job starts when the current one ends."""


def routes(studio: Studio) -> Sequence[BaseRoute]:
    """Return the routes of the queue.

    Args:
        studio: The studio.
    """

    def page(_: Request) -> Response:
        return render("jobs.html.j2", page="jobs", project=studio.project)

    async def events(_: Request) -> Response:
        return StreamingResponse(_events(studio), media_type="text/event-stream")

    def log(request: Request) -> Response:
        path = studio.jobs.log_path(request.path_params["number"])
        return PlainTextResponse(_end_of(path).decode("utf-8", "replace"))

    async def act(request: Request) -> Response:
        body = await read_body(request, JobAction)
        number = request.path_params["number"]
        await in_thread(lambda: _act(studio, number, body))
        return JSONResponse(await in_thread(lambda: queue_state(studio)))

    def remove_done(_: Request) -> Response:
        studio.jobs.remove_done()
        return JSONResponse(queue_state(studio))

    async def pause(request: Request) -> Response:
        body = await read_body(request, QueueAction)
        studio.runner.set_paused(body.paused)
        if not body.paused:
            await in_thread(lambda: remember(studio.project.folder))
        return JSONResponse(await in_thread(lambda: queue_state(studio)))

    return [
        Route("/jobs", page),
        Route("/jobs/events", events),
        Route("/jobs/pause", pause, methods=["POST"]),
        Route("/jobs/remove-done", remove_done, methods=["POST"]),
        Route("/jobs/{number:int}/log", log),
        Route("/jobs/{number:int}", act, methods=["POST"]),
    ]


def queue_state(studio: Studio) -> dict[str, object]:
    """Return the queue as pages show it, as JSON values.

    Args:
        studio: The studio.
    """
    jobs = [_job_state(studio, job) for job in studio.jobs.jobs()]
    search = studio.people.search
    people = asdict(search) if search else None
    return {"paused": studio.runner.is_paused, "jobs": jobs, "people": people}


def _job_state(studio: Studio, job: Job) -> dict[str, object]:
    progress = studio.jobs.progress(job.number)
    return {
        "number": job.number,
        "title": job.request.title,
        "state": "stopping" if studio.runner.is_stopping(job.number) else job.state,
        "command": job.request.to_shell(),
        "extracts_faces": job.request.extracts_faces,
        "page": artifact_page(studio.project, job.request.artifact),
        "sentence": job.sentence,
        "seconds": round(job.seconds),
        "processor_seconds": round(job.processor_seconds),
        "memory_bytes": job.memory_bytes,
        "stage": progress.stage if progress else "",
        "done": progress.done if progress else 0,
        "total": progress.total if progress else None,
        "note": progress.note if progress else "",
    }


def _end_of(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LOG_BYTES))
        return file.read()


async def _events(studio: Studio) -> AsyncIterator[str]:
    """Yield the queue as server-sent events: at once, and whenever it changes."""
    sent, looks, seconds = None, 0, 0.0
    while True:
        versions = studio.jobs.version, studio.people.version
        now, looks = (*versions, studio.runner.is_paused), looks + 1
        if now != sent:
            sent, looks = now, 0
            begin = time.monotonic()
            content = await in_thread(lambda: json.dumps(queue_state(studio)))
            seconds = time.monotonic() - begin
            yield f"data: {content}\n\n"
        elif looks % _KEEP_ALIVE_LOOKS == 0:
            yield ": no change\n\n"
        await asyncio.sleep(max(_EVENT_SECONDS, _PAUSE_FACTOR * seconds))


def _act(studio: Studio, number: int, body: JobAction) -> None:
    if body.action == "stop":
        studio.runner.stop(number)
    elif body.action == "resume":
        studio.jobs.restart(number)
    elif body.action == "remove":
        studio.jobs.remove(number)
    else:
        studio.jobs.move_before(number, body.before)
