"""Prompts are text: 40 hostile ones, in every word of a sheet, in every format."""

import re
import subprocess
from html.parser import HTMLParser

import pytest
from PIL import Image

from kontext_nb.grids import as_figure, as_html, as_image, export
from kontext_nb.grids.plan import Cell, Sheet
from kontext_nb.lettering import whole
from tests import browsers

# Each runs pwn(), if anything runs.
PAYLOADS = (
    "<script>pwn()</script>",
    "</script><script>pwn()</script>",
    "<img src=x onerror=pwn()>",
    '"><img src=x onerror=pwn()>',
    "'><img src=x onerror=pwn()>",
    '" onload="pwn()',
    "' onload='pwn()",
    '" onerror="pwn()" src="x',
    "x onmouseover=pwn() y",
    "<svg onload=pwn()>",
    "<svg><script>pwn()</script></svg>",
    "<svg><animate onbegin=pwn() attributeName=x dur=1s>",
    "<iframe src=javascript:pwn()>",
    "<iframe srcdoc='<script>parent.pwn()</script>'>",
    "<body onload=pwn()>",
    "<details open ontoggle=pwn()>",
    "<video><source onerror=pwn()>",
    "<input autofocus onfocus=pwn()>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=pwn()>",
    "<style>@import 'javascript:pwn()'</style>",
    "</style><script>pwn()</script>",
    "</title><script>pwn()</script>",
    "</textarea><script>pwn()</script>",
    "</table></td><script>pwn()</script>",
    "</figcaption></figure><img src=x onerror=pwn()>",
    "--><script>pwn()</script><!--",
    "<!--><script>pwn()</script>",
    "]]><script>pwn()</script>",
    "<![CDATA[<script>pwn()</script>]]>",
    "&lt;script&gt;pwn()&lt;/script&gt;",
    "&#60;script&#62;pwn()&#60;/script&#62;",
    "<scr\x00ipt>pwn()</script>",
    "\u202e<script>pwn()</script>",
    "\ud800<script>pwn()</script>",
    "\uff1cscript\uff1epwn()\uff1c/script\uff1e",
    "{name}{style}%s%(x)s{{pwn()}}",
    r"$\foo$ and $5 to $10 \usepackage{x}",
    "[x](javascript:pwn())",
    "<a href=javascript:pwn()>x</a>",
    "<meta http-equiv=refresh content='0;url=javascript:pwn()'>",
)
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "h1", "footer"),
    *("div", "p", "span", "strong", "small", "br", "table", "colgroup", "col"),
    *("thead", "tbody", "tr", "th", "td", "figure", "figcaption", "img"),
}
ATTRIBUTES = {
    *("class", "style", "dir", "lang", "role", "scope", "align", "valign"),
    *("alt", "width", "height", "src", "charset", "name", "content", "http-equiv"),
}
BROWSER = browsers.installed()


def sheet(payload):
    """Return a sheet that says the payload wherever it can say anything."""
    picture = Image.new("RGB", (40, 30), "red")
    return Sheet(
        (
            (
                Cell(picture, payload, payload, alt=payload),
                Cell(None, payload, payload, state=payload),
            ),
        ),
        title=payload,
        row_labels=(payload,),
        column_labels=(payload, payload),
        footer=payload,
    )


def page(sheet):
    """Return the document that is saved."""
    return "".join(as_html._page_parts(sheet))


class Reading(HTMLParser):
    """What a parser finds: tags, attributes, and the text between."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.alts, self.words = set(), [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Note an element."""
        self.tags.add(tag)
        self.attributes += attrs
        self.alts += [value for name, value in attrs if name == "alt"]

    def handle_comment(self, data):
        """Refuse what we never write."""
        raise AssertionError(f"a comment: {data}")

    def handle_data(self, data):
        """Note words."""
        self.words.append(data)


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
@pytest.mark.parametrize("draw", [as_html.fragment, page])
def test_a_parser_finds_the_payload_as_text_and_nothing_else(draw, payload):
    """Only our own elements and attributes exist; the words come back unharmed."""
    found = Reading(draw(sheet(payload)))
    assert found.tags <= TAGS
    assert {name for name, _ in found.attributes} <= ATTRIBUTES
    assert found.alts == [whole(payload)]
    said = [word for word in found.words if word == whole(payload)]
    assert len(said) >= 7  # title, three labels, two captions, details, footer


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_figure_says_the_payload_letter_for_letter(payload, tmp_path):
    """No payload is typeset, breaks the drawing, or gets alive in an SVG."""
    path = export.save(sheet(payload), tmp_path / "a.svg")
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<(script|iframe|foreignObject|a|animate)\b", text)
    assert not re.search(r"<[^!][^>]*\bon\w+=", text)


def test_every_format_takes_every_payload(tmp_path):
    """One sheet of all payloads is saved as everything, without an exception."""
    picture = Image.new("RGB", (40, 30), "red")
    cells = tuple((Cell(picture, p, p, alt=p), Cell(None, p, p, p)) for p in PAYLOADS)
    everything = Sheet(cells, row_labels=PAYLOADS, title=PAYLOADS[0])
    for suffix in export.DRAWERS:
        assert export.save(everything, tmp_path / f"a{suffix}").stat().st_size
    assert as_image.draw(everything, cell_px=64)
    assert as_figure.figure(everything).texts


def _ran(path, folder):
    """Open a page in a real browser and tell whether its canary was called."""
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run")
    quiet = ("--disable-background-networking", "--disable-component-update")
    done = subprocess.run(
        [
            *(BROWSER, *flags, *quiet, "--disable-sync", "--no-proxy-server"),
            *(f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=2000"),
            *("--dump-dom", path.as_uri()),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=90,
    )
    assert "</html>" in done.stdout
    return 'data-canary="called"' in done.stdout


@pytest.mark.browser
@pytest.mark.skipif(not BROWSER, reason="needs a Chromium")
def test_in_a_browser_no_payload_runs(tmp_path):
    """The canary stays quiet in the fragment and the page, and sings unescaped."""
    canary = (
        "<script>function pwn() { document.documentElement.dataset.canary = 'called' }"
        "</script>"
    )
    policy = re.compile(r"<meta http-equiv[^>]*>")  # the escaping alone must hold
    whole_pages = {
        "fragment": "".join(as_html.fragment(sheet(p)) for p in PAYLOADS),
        "page": "".join(policy.sub("", page(sheet(p))) for p in PAYLOADS),
        "control": "<img src=x onerror=pwn()>",
    }
    for name, text in whole_pages.items():
        path = tmp_path / f"{name}.html"
        path.write_text(f"<!DOCTYPE html><meta charset=utf-8>{canary}{text}")
        assert _ran(path, tmp_path) == (name == "control")
