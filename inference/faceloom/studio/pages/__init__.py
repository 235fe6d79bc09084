"""The pages of the studio, one module each: parse the request, call a room, render."""

from collections.abc import Callable, Sequence

from starlette.routing import BaseRoute

from faceloom.studio.pages import (
    convert_panel_page,
    demo_page,
    faces_page,
    found_faces_page,
    jobs_page,
    people_page,
    picker_page,
    pinned_faces_page,
    presets_page,
    project_page,
    result_page,
    run_page,
    swap_page,
    timeline_page,
)
from faceloom.studio.studio import Studio

ROUTES: tuple[Callable[[Studio], Sequence[BaseRoute]], ...] = (
    project_page.routes,
    demo_page.routes,
    people_page.routes,
    picker_page.routes,
    faces_page.routes,
    pinned_faces_page.routes,
    run_page.routes,
    swap_page.routes,
    timeline_page.routes,
    convert_panel_page.routes,
    presets_page.routes,
    result_page.routes,
    jobs_page.routes,
    found_faces_page.routes,
)
"""The routes of each page."""
