"""Sheets as HTML: complete, offline, plain enough to survive every sanitizer."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from kontext_nb.errors import ParameterRejected
from kontext_nb.grids import as_html
from kontext_nb.grids.plan import Cell, Sheet, pair, strip

RED, BLUE = Image.new("RGB", (64, 48), (250, 0, 0)), Image.new("RGB", (64, 48), "blue")
VOID = {"img", "br", "meta", "col"}


class Page(HTMLParser):
    """What a parser makes of it: elements, attributes, and whether all is closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.words, self._open = [], [], []
        self.feed(text)
        self.close()
        assert self._open == [], "unclosed elements"

    def handle_starttag(self, tag, attrs):
        """Note an element, and that it is open."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        """Close the element opened last, and no other."""
        assert self._open.pop() == tag

    def handle_data(self, data):
        """Note words."""
        self.words.append(data)

    def all(self, tag):
        """Return the attributes of all elements of a kind."""
        return [attrs for name, attrs in self.elements if name == tag]


def picture(attrs):
    """Open the picture inside an img."""
    kind, data = re.fullmatch(r"data:image/(\w+);base64,(.*)", attrs["src"]).groups()
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    image.load()
    assert image.format == kind.upper()
    return image


def labelled():
    """Return a sheet with every kind of word."""
    failed = Cell(None, "two", "Refused.", state="failed")
    return Sheet(
        ((Cell(RED, "one", "seed 1"), failed),),
        row_labels=("row",),
        column_labels=("first", "second"),
        title="Title",
        footer="demo engine",
    )


def page(sheet):
    """Return the document that is saved."""
    return "".join(as_html._page_parts(sheet))


@pytest.mark.parametrize("draw", [as_html.fragment, page])
@pytest.mark.parametrize("sheet", [labelled(), pair(Cell(RED, "a"), Cell(BLUE, "b"))])
def test_every_picture_has_words_and_a_size(draw, sheet):
    """An img says what it shows and how large it is, before any style applies."""
    for attrs in Page(draw(sheet)).all("img"):
        assert attrs["alt"]
        assert (int(attrs["width"]), int(attrs["height"])) == picture(attrs).size


@pytest.mark.parametrize("draw", [as_html.fragment, page])
def test_all_words_are_there(draw):
    """Title, labels, captions, details, states and the footer are text."""
    words = " ".join(Page(draw(labelled())).words)
    for text in (
        *("Title", "first", "second", "row", "one", "seed 1"),
        *("two", "Failed", "Refused.", "demo engine"),
    ):
        assert text in words


@pytest.mark.parametrize("draw", [as_html.fragment, page])
def test_a_prompt_is_complete_however_long(draw):
    """HTML never cuts a caption, and keeps its line breaks."""
    prompt = "word " * 700 + "\nthe end"
    words = "".join(Page(draw(pair(Cell(RED, prompt), Cell(BLUE)))).words)
    assert prompt in words


def test_labels_head_their_rows_and_columns():
    """A labelled sheet is a real table; a pair only looks like one."""
    heads = Page(as_html.fragment(labelled())).all("th")
    assert [head["scope"] for head in heads] == ["col", "col", "row"]
    plain = Page(as_html.fragment(pair(Cell(RED), Cell(BLUE))))
    assert plain.all("table")[0]["role"] == "presentation"


def test_a_fragment_survives_without_its_styles():
    """Nothing but inline styles is used, and without them the table still stands."""
    text = as_html.fragment(labelled())
    bare = re.sub(r' (style|class)="[^"]*"', "", text)
    assert "<style" not in text
    assert [t for t, _ in Page(bare).elements] == [t for t, _ in Page(text).elements]


def test_a_fragment_is_kept_from_mathjax():
    """Both versions of MathJax in notebooks are told to leave the words alone."""
    classes = Page(as_html.fragment(labelled())).elements[0][1]["class"].split()
    assert {"mathjax_ignore", "tex2jax_ignore"} <= set(classes)


def test_a_fragment_takes_its_colours_from_its_place():
    """No colour is fixed: what is tinted is translucent grey."""
    styles = " ".join(
        a.get("style", "") for _, a in Page(as_html.fragment(labelled())).elements
    )
    assert not re.search(r"#[0-9a-f]{3}|(?<!-)color:", styles)
    assert set(re.findall(r"rgba\(\d+,\d+,\d+", styles)) == {"rgba(128,128,128"}


def test_a_fragment_stays_small():
    """A pair is below 100 kB, a hundred noisy cells below half a megabyte or so."""
    loud = Image.effect_noise((600, 600), 120).convert("RGB")
    assert len(as_html.fragment(pair(Cell(loud), Cell(loud)))) < 100_000
    many = Sheet(((Cell(loud),) * 10,) * 10)
    assert len(as_html.fragment(many)) < 650_000


def test_a_fragment_keeps_to_the_bytes_it_was_given():
    """``picture_bytes`` bounds each embedded picture."""
    loud = Image.effect_noise((600, 600), 120).convert("RGB")
    for attrs in Page(
        as_html.fragment(strip([Cell(loud)] * 3), picture_bytes=3000)
    ).all("img"):
        assert len(base64.b64decode(attrs["src"].split(",")[1])) <= 3000


def test_the_page_holds_a_small_files_own_bytes(tmp_path):
    """What is small and nothing but pixels is not encoded a second time."""
    path = tmp_path / "a.jpg"
    RED.save(path, quality=70)
    (first,) = Page(page(strip([Cell(path)]))).all("img")
    assert base64.b64decode(first["src"].split(",")[1]) == path.read_bytes()


def test_the_page_holds_only_the_pixels_of_a_file_that_says_more(tmp_path):
    """A comment stays out of the page."""
    path = tmp_path / "a.jpg"
    RED.save(path, quality=70, comment=b"mine")
    (first,) = Page(page(strip([Cell(path)]))).all("img")
    assert b"mine" not in base64.b64decode(first["src"].split(",")[1])
    assert picture(first).size == RED.size


@pytest.mark.parametrize("size", [(3000, 2000), (800, 2400), (1024, 1024), (9000, 1)])
@pytest.mark.parametrize("suffix", ["png", "jpg", None])
def test_the_pictures_of_a_page_are_small(tmp_path, size, suffix):
    """At most 1024 pixels and as JPEG, be it a file or in memory; never enlarged."""
    width, height = size
    noise = np.random.default_rng(1).integers(0, 256, (height, width), np.uint8)
    loud = Image.fromarray(noise).convert("RGB")
    if suffix:
        loud.save(tmp_path / f"a.{suffix}", quality=98, compress_level=0)
    cell = Cell(tmp_path / f"a.{suffix}" if suffix else loud)
    (attrs,) = Page(page(strip([cell]))).all("img")
    shown = picture(attrs)
    assert max(shown.size) == min(1024, max(size))
    assert shown.width / shown.height == pytest.approx(size[0] / size[1], rel=0.01) or (
        min(shown.size) == 1
    )
    assert shown.format == "JPEG"
    assert loud.size == size


def test_what_is_transparent_stays_so_on_a_page():
    """A page is dark at night: a white box would stand out."""
    clear = Image.new("RGBA", (2000, 1000), (0, 0, 0, 0))
    (attrs,) = Page(page(strip([Cell(clear)]))).all("img")
    assert picture(attrs).getpixel((5, 5))[3] == 0


def test_the_page_needs_nothing_from_elsewhere():
    """No script, no link, no address: and a policy that forbids them all."""
    text = page(labelled())
    read = Page(text)
    tags = {tag for tag, _ in read.elements}
    assert not tags & {"script", "link", "iframe", "object", "base", "form", "a"}
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text
    policy = next(m for m in read.all("meta") if "http-equiv" in m)
    assert policy["content"].startswith("default-src 'none'")


def test_the_page_is_a_whole_document():
    """Charset first, a language, a title, and a dark variant."""
    text = page(replace(labelled(), title="My <sweep>"))
    read = Page(text)
    assert text.startswith("<!DOCTYPE html>")
    assert read.all("html")[0]["lang"] == "en"
    assert read.all("meta")[0] == {"charset": "utf-8"}
    assert "<title>My &lt;sweep&gt;</title>" in text
    assert "prefers-color-scheme: dark" in text


def test_a_half_written_file_is_a_blank_not_half_a_picture(tmp_path):
    """The page shows only pictures that decode to their end."""
    path = tmp_path / "cut.png"
    Image.effect_noise((200, 200), 90).save(path)
    path.write_bytes(path.read_bytes()[:-5000])
    read = Page(page(pair(Cell(path, "cut"), Cell(BLUE))))
    assert len(read.all("img")) == 1
    assert "Cannot be shown" in read.words


def test_a_blank_takes_the_shape_of_its_neighbours():
    """A failed cell is as high as the pictures beside it."""
    assert "aspect-ratio:64/48" in as_html.fragment(labelled())


def test_saving_writes_the_page(tmp_path):
    """The file is the page, in UTF-8, and only .html is taken."""
    sheet = pair(Cell(RED, "größer 中"), Cell(BLUE))
    path = as_html.save(sheet, tmp_path / "a.html")
    assert path.read_text(encoding="utf-8") == page(sheet)
    with pytest.raises(ParameterRejected):
        as_html.save(sheet, tmp_path / "a.png")
