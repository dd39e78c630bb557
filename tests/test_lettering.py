"""The typeface: every letter is drawn or boxed, every line fits."""

import shutil
from pathlib import Path

import matplotlib as mpl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from kontext_nb import lettering
from kontext_nb.lettering import BOX, ELLIPSIS, face, legible, runs, whole, width, wrap

FONTS = Path(mpl.get_data_path(), "fonts", "ttf")
ANYTHING = st.text(st.characters(), max_size=120)
LATIN = st.text("abc déf, ghi. $<_ ", max_size=200)
ALONE = settings(max_examples=60)


@pytest.fixture
def only_installed(monkeypatch):
    """Make a list of files the only fonts installed, for one test."""

    def install(*paths):
        monkeypatch.setattr(lettering, "_installed", lambda: paths)
        lettering._source.cache_clear()
        width.cache_clear()

    yield install
    lettering._source.cache_clear()
    width.cache_clear()


def _missing_letter(path):
    """Return a letter that the font has and DejaVu Sans lacks."""
    has = lettering._covered(path) - lettering._covered(face())
    return next(chr(c) for c in sorted(has) if chr(c).isprintable() and c > 0x2000)


@ALONE
@given(ANYTHING)
def test_legible_text_has_a_font_for_every_letter(text):
    """What is called legible is one line that the chosen fonts can draw."""
    line = legible(text)
    assert line.splitlines() in ([], [line])
    for part, path in runs(line):
        assert all(ord(char) in lettering._covered(path) for char in part)


@ALONE
@given(ANYTHING)
def test_runs_lose_nothing(text):
    """The runs of a line, joined, are the line."""
    line = legible(text)
    assert "".join(part for part, _ in runs(line)) == line


@ALONE
@given(ANYTHING)
def test_whole_text_can_be_written_to_any_file(text):
    """Text made whole always encodes, keeps its length, and keeps its line breaks."""
    mended = whole(text)
    mended.encode()
    assert len(mended) == len(text)
    assert mended.count("\n") == text.count("\n")


def test_a_lone_surrogate_becomes_the_replacement_character():
    """Half a character is shown as a damaged one."""
    assert whole("a\ud800b\x00\nc") == "a\ufffdb\ufffd\nc"


@pytest.mark.parametrize(
    "text", ["$5 to $10", r"make $\foo$ blue", "<b>&amp;</b>", "%s"]
)
def test_markup_is_only_letters(text):
    """Nothing in a prompt is a command to the typesetter."""
    assert legible(text) == text


def test_what_has_no_shape_is_left_out():
    """Joiners, direction overrides and variation selectors leave no boxes."""
    assert legible("a\u202eb\u200dc\ufe0f\ufeffd") == "abcd"


def test_what_no_font_has_is_a_box(only_installed):
    """A letter that cannot be drawn is seen to be missing."""
    only_installed()
    assert legible("x 中 y") == f"x {BOX} y"


def test_a_missing_letter_comes_from_another_font(only_installed):
    """A font that has the letter draws it, and only it."""
    other = FONTS / "STIXGeneral.ttf"
    letter = _missing_letter(other)
    only_installed(other)
    assert legible(f"a{letter}b") == f"a{letter}b"
    assert runs(f"a{letter}b") == (("a", face()), (letter, other), ("b", face()))
    assert width(letter, 20) > 0


def test_a_damaged_font_is_passed_over(only_installed, tmp_path):
    """One broken file among the installed fonts spoils nothing."""
    broken, good = tmp_path / "Broken.ttf", FONTS / "STIXGeneral.ttf"
    broken.write_bytes(b"not a font")
    letter = _missing_letter(good)
    only_installed(broken, good)
    assert runs(letter) == ((letter, good),)


BITMAP_FONT = """STARTFONT 2.1
FONT -kx-kx-medium-r-normal--16-160-75-75-c-80-iso10646-1
SIZE 16 75 75
FONTBOUNDINGBOX 8 16 0 -2
STARTPROPERTIES 2
CHARSET_REGISTRY "ISO10646"
CHARSET_ENCODING "1"
ENDPROPERTIES
CHARS 1
STARTCHAR zhong
ENCODING 20013
SWIDTH 500 0
DWIDTH 8 0
BBX 8 1 0 0
BITMAP
FF
ENDCHAR
ENDFONT
"""


def test_a_font_of_one_size_is_not_used(only_installed, tmp_path):
    """A bitmap font, as colour emoji are, cannot set text of any size."""
    path = tmp_path / "bitmap.bdf"
    path.write_text(BITMAP_FONT)
    only_installed(path)
    assert legible("中") == BOX


def test_a_font_of_placeholders_is_never_used(only_installed, tmp_path):
    """A font that claims every letter and draws none is no source of letters."""
    claims = tmp_path / "LastResort.ttf"
    shutil.copy(FONTS / "STIXGeneral.ttf", claims)
    only_installed(claims)
    assert legible(_missing_letter(FONTS / "STIXGeneral.ttf")) == BOX


def test_installed_fonts_are_not_looked_for_without_need(monkeypatch):
    """European text is set without asking what else is on the machine."""

    def asked():
        raise AssertionError("asked for installed fonts")

    monkeypatch.setattr(lettering, "_installed", asked)
    lettering._source.cache_clear()
    assert wrap("Größe: 5 € “naïve” Ελλάδα Привет", 120, 14, lines=4)


def test_a_plain_sans_is_preferred():
    """Among fonts that have a letter, the plain one is asked first."""
    names = ["NotoSerifCJK-Bold.ttc", "NotoSansMono.ttf", "NotoSansCJK-Regular.ttc"]
    best = sorted(map(Path, names), key=lettering._strangeness)
    assert best[0].name == "NotoSansCJK-Regular.ttc"
    assert best[-1].name == "NotoSerifCJK-Bold.ttc"


@ALONE
@given(LATIN, st.integers(20, 400), st.integers(1, 5))
def test_lines_fit_the_room(text, room, lines):
    """No line is wider than the room, and there are no more than allowed."""
    set_lines = wrap(text, room, 12, lines=lines)
    assert len(set_lines) <= lines
    assert all(width(line, 12) <= room + 1 for line in set_lines)


@ALONE
@given(LATIN, st.integers(20, 400))
def test_wrapping_loses_no_letter(text, room):
    """With lines enough, every letter is set, in order."""
    set_lines = wrap(text, room, 12, lines=999)
    assert "".join("".join(set_lines).split()) == "".join(text.split())


@ALONE
@given(ANYTHING, st.integers(-10, 60))
def test_wrapping_never_fails(text, room):
    """However strange the text and narrow the room, lines come back."""
    assert len(wrap(text, room, 12, lines=3)) <= 3


def test_text_that_is_cut_says_so():
    """The last line of a text that does not fit ends in an ellipsis."""
    set_lines = wrap("one two three four five six seven", 60, 12, lines=2)
    assert set_lines[-1].endswith(ELLIPSIS)
    assert not wrap("one two", 600, 12, lines=2)[-1].endswith(ELLIPSIS)


@pytest.mark.parametrize("room", range(100, 400, 20))
def test_no_line_begins_with_the_dot_between_two_facts(room):
    """It ends the line before."""
    facts = "768x1024 · seed 1256624477 · changed 4.6 %, rest kept"
    assert not any(line.startswith("·") for line in wrap(facts, room, 14, lines=9))


def test_lines_are_balanced():
    """Two lines share the words, instead of leaving one word alone on the second."""
    text = "Replace the label of the bottle now"
    first, second = wrap(text, width(text, 14) * 0.9, 14, lines=3)
    assert width(second, 14) > width(first, 14) * 0.6


def test_ideographs_break_anywhere_but_before_a_closing_mark():
    """A line of Chinese never begins with its full stop."""
    set_lines = list(lettering._pieces("把瓶子换成绿色。好"))
    assert "色。" in set_lines
    assert "好" in set_lines


def test_writing_leaves_ink_from_the_left_end_on():
    """A line begins where it was asked to, and is as wide as was measured."""
    image = Image.new("L", (300, 40), 255)
    lettering.write(ImageDraw.Draw(image), (20, 28), "Häuser", size=18, fill="black")
    left, _, right, bottom = image.point(lambda v: 255 - v).getbbox()
    assert 19 <= left <= 23
    assert abs(right - left - width("Häuser", 18)) <= 4
    assert 28 <= bottom <= 30
