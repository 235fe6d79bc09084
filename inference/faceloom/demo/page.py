"""The demo's report: one page with everything in it."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from string import Template

from faceloom import __version__
from faceloom.atomic import write_text

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Faceloom: the demo</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.6rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse } td { padding: .3rem 1.5rem .3rem 0; border-bottom: 1px solid #ddd }
img, video { max-width: 100%; border-radius: 4px } pre { background: #f4f4f4; padding: 1rem; overflow-x: auto }
.rows { display: flex; gap: .6rem } .rows img { min-width: 0; flex: 1 }
.names { display: flex; flex-direction: column; justify-content: space-around }
</style></head><body>
<h1>Ada wears Ben's face</h1>
<p>Two people who do not exist, so that the exact result is known. The video is a machine's work: no one was filmed.</p>
<video controls loop src="data:video/mp4;base64,$video"></video>
<h2>What was done</h2>
<table>$rows</table>
<h2>How good it is</h2>
<p><a href="judge.html">The judge's page</a> has curves over time and the worst moments.</p>
<pre>$comparison</pre>
<h2>Target, paste job, swap, exact truth</h2>
<div class="rows"><div class="names"><span>target</span><span>paste</span><span>swap</span><span>truth</span></div>
<img alt="target, paste job, swap and truth" src="data:image/png;base64,$side_by_side"></div>
<h2>What the network has learned</h2>
<p>From the left: ada, ada drawn as ada, ada drawn as ben; ben, ben drawn as ben, ben drawn as ada.</p>
<img alt="preview sheet" src="data:image/png;base64,$preview">
<p><small>Faceloom $version</small></p>
</body></html>
""")


def write_page(
    table: Sequence[tuple[str, str]],
    comparison: str,
    video: Path,
    preview: Path,
    side_by_side: Path,
    path: Path,
) -> None:
    """Write the self-contained page; `table` holds what and figure, `comparison` is preformatted text."""
    rows = "".join(
        f"<tr><td>{html.escape(what)}</td><td>{html.escape(figure)}</td></tr>"
        for what, figure in table
    )
    page = _PAGE.substitute(
        video=_encoded(video),
        rows=rows,
        comparison=html.escape(comparison),
        side_by_side=_encoded(side_by_side),
        preview=_encoded(preview),
        version=__version__,
    )
    write_text(path, page)


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
