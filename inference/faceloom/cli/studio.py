"""`faceloom studio`."""

from pathlib import Path
from typing import Annotated

import typer

_EXAMPLE = "Example: faceloom studio my-swap"


def add_commands(app: typer.Typer) -> None:
    """Add the command to `faceloom`.

    Args:
        app: The Typer application.
    """
    app.command("studio", epilog=_EXAMPLE)(studio_command)


def studio_command(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            help="The project's folder; it is created if missing. Without it: the project of the "
            "last start, at the first start the demo.",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8420,
    host: Annotated[
        str, typer.Option(help="Address to listen on; only this machine if not given.")
    ] = "127.0.0.1",
    root: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            help="A folder that the page's path picker shows, with all that it contains; may be "
            "repeated. Your home folder if not given.",
        ),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open the page in a browser.")
    ] = False,
) -> None:
    """Open a project as a page in the browser; end it with Ctrl-C.

    A running job is stopped at Ctrl-C and continues at the next start.
    """
    import threading
    import webbrowser
    from contextlib import ExitStack

    from faceloom.cli.optional_dependencies import requires_extra

    with requires_extra("studio"):
        from faceloom.studio.start_project import start_project
        from faceloom.studio.web.opening_page import opening_page
        from faceloom.studio.web.security import is_loopback
        from faceloom.studio.web.server import serve

    project = folder or start_project()
    if folder is None:
        typer.echo(f"The project is {project}; for another: faceloom studio DIR", err=True)
    with ExitStack() as until_end:

        def show_link(link: str) -> None:
            typer.echo(f"The studio runs until Ctrl-C: {link}")
            if not is_loopback(host):
                typer.echo(
                    "faceloom: warning: everybody who can reach this machine and has this link "
                    "can read and change the project; the connection is not encrypted.",
                    err=True,
                )
            if not no_browser:
                page = until_end.enter_context(opening_page(project, link))
                # In a thread, since a browser of a terminal does not return before it ends.
                threading.Thread(target=webbrowser.open, args=[page], daemon=True).start()

        serve(project, host, port, tuple(root or [Path.home()]), show_link)
