"""A comparison as a file: the view's own script, with nothing from elsewhere."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from kontext_nb.grids.as_html import SUFFIXES
from kontext_nb.lettering import whole
from kontext_nb.target import replacing, suffix_of
from kontext_nb.widgets.view import asset

SCRIPT = ("node.js", "compare_sheet.js", "compare.js")
STYLE = ("view.css", "compare.css")

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0 auto; padding: 16px; max-width: 1600px; background: Canvas; }}
{style}</style>
</head>
<body>
<main id="comparison"></main>
<noscript>{still}</noscript>
<script type="application/json" id="pictures">{data}</script>
<script type="module">
{script}</script>
</body>
</html>
"""


def write(
    path: str | os.PathLike[str],
    state: Mapping[str, Any],
    full: Mapping[str, bytes],
    still: str = "",
) -> Path:
    """Write a page, and return its path.

    Args:
        path: Ends in .html or .htm; a file there is replaced.
        state: The traits of a `Comparison`.
        full: The full pictures, by key.
        still: HTML for browsers that run no script.

    Raises:
        ParameterRejected: Another suffix, or no such folder.
        NotSaved: Nothing can be written there.
    """
    suffix_of(path, SUFFIXES)
    labels = ", ".join(picture["label"] for picture in state["pictures"])
    text = _PAGE.format(
        title=escape(whole(f"Comparison: {labels}")),
        style=asset(*STYLE),
        still=still,
        # As text of an element: no "</script>" may end it.
        data=json.dumps({"state": state, "full": full}, default=_in_base64).replace(
            "<", "\\u003c"
        ),
        script=asset(*SCRIPT, "page.js").replace("export default", "const view ="),
    )
    with replacing(path) as (aside, target):
        aside.write_text(text, encoding="utf-8")
    return target


def _in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
