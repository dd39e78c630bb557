"""K020, K021, K022: letters to be painted, which belong in quotes."""

from __future__ import annotations

import re
import unicodedata

from kontext_nb.prompts.looking import beginning
from kontext_nb.prompts.reading import MASK, Reading
from kontext_nb.prompts.rule import Fault
from kontext_nb.prompts.vocabulary import COLOUR, END, SIZE, any_of, phrase

_TEXT = any_of(
    "text words? lettering letters wording writing title headline caption slogan"
)
_BEARER = """
    bubble sign label banner poster logo caption text title t-?shirt shirt cap mug
    billboard headline slogan sticker badge plate placard neon_sign whiteboard
    blackboard chalkboard screen flag cake card lettering tattoo sweater hoodie jersey
"""
_REWRITE = "change replace edit update modify swap rename alter"
_SAYS = any_of("says? saying reads? reading spells? spelling")
# What a text may become without any letter of it changing, or with all of them.
_LOOKS = any_of(
    f"""
    a an the another be bold italic underlined uppercase lowercase capitals cursive
    handwritten serif sans-serif neon chrome metallic wooden graffiti same something
    some {COLOUR[3:-1].replace("|", " ")} {SIZE[3:-1].replace("|", " ")} dark light
    english german french spanish italian japanese chinese korean portuguese russian
    arabic hindi dutch polish turkish latin helvetica arial times comic garamond
    futura roboto
    """
)
_QUOTE = r"[\"'\u201c\u2018\u201e«「『]"
_OPEN = rf"(?!{_QUOTE})"
_UNQUOTED = beginning(
    f"{_REWRITE} {_BEARER} tshirt t with text words word write fix correct neon",
    rf"{any_of(_REWRITE)} (?:(?:the|this|that|his|her|my|all) )?"
    r"(?:[\w'-]{1,20} ){0,3}?"
    rf"{_TEXT} (?:(?:on|of|in|at) (?:the|this|his|her|my) [\w-]{{1,20}} )?"
    rf"(?:to|with|into|by|from) {_OPEN}(?!{_SAYS}\b)(?P<new>\S)"
    rf"|{any_of(_BEARER)} (?:to |that |which |should )?{_SAYS} "
    r"(?:as |the words? |out )?"
    rf"{_OPEN}(?P<said>[^\s\W])"
    rf"|with (?:the|a) (?:words?|text|letters|caption|slogan|title) {_OPEN}"
    r"(?P<words>[^\s\W])"
    rf"|(?:text|words?) {_OPEN}(?P<named>[^\s\W])"
    rf"|write {_OPEN}(?P<written>[^\s\W])"
    rf"|replace ['\"]{MASK}{{1,200}}['\"] (?:with|by) {_OPEN}(?P<other>[^\s\W])"
    rf"|(?:fix|correct|edit|update|change) (?:the|this|that|my) (?:[\w-]{{1,20}} )?"
    rf"(?:text|lettering|wording|spelling|typo|words?){END}",
)
# A run of words that are all capitalised: surely what is to be read in the picture.
_RUN = r"[A-Z0-9][\w'&!-]{0,30}(?:\s[A-Z0-9&][\w'&!-]{0,30}){0,7}!?"
_LOOK = re.compile(rf"{_LOOKS}\b")
_CAPITAL = re.compile(_RUN)
_PAIR = re.compile(rf"({_RUN})(\s(?:with|to|by|into)\s)({_RUN})")
_LONGER = phrase(
    r"(?:a|an|another|some|something|other|different|longer|more)\b"
    r"(?: [\w-]{1,20}){0,2}? "
    r"(?:paragraph|sentence|text|words?|slogan|phrase|name|quote)\b"
)
_STARTS = ("new", "said", "words", "named", "written", "other")


def unquoted(reading: Reading) -> Fault | None:
    """Find letters that are to be painted and stand in no quotes."""
    for found in _UNQUOTED.finditer(reading):
        begun = next((n for n in _STARTS if found[n] is not None), None)
        if begun is None:
            if reading.quoted:
                continue
            return Fault(*found.span(), f"{_UNTOLD} {_FORM}")
        start = found.start(begun)
        run = _CAPITAL.match(reading.text, start)
        # "The Long Night" is a title though "the" begins what a text may look like.
        looks = begun == "new" and _LOOK.match(reading.plain, start)
        if run and (not looks or " " in run[0]):
            better = _quoting(reading.text, run)
            return Fault(
                *run.span(), f"The letters to paint stand in no quotes. {_FORM}", better
            )
        if begun in ("said", "words") or _LONGER.match(reading.plain, start):
            return Fault(*found.span(), f"{_UNTOLD} {_FORM}")
    return None


_UNTOLD = "It is not certain which letters are to be painted."
_FORM = "Write: Replace 'OLD' with 'NEW', same font and colour."


def _quoting(text: str, run: re.Match[str]) -> str:
    def quoted(words: str) -> str:
        mark = '"' if "'" in words else "'"
        return f"{mark}{words}{mark}"

    if pair := _PAIR.match(text, run.start()):
        new = quoted(pair[1]) + pair[2] + quoted(pair[3])
        return text[: pair.start()] + new + text[pair.end() :]
    return text[: run.start()] + quoted(run[0]) + text[run.end() :]


_INTO = "with|to|by|into|durch|zu|par|en|por|con"
_SWAPPED = phrase(
    rf"{_QUOTE}(?P<old>{MASK}{{1,300}})[\"'\u201d\u2019\u201c»」』]"
    rf"(?: (?:on|in|of|at) (?:the|a|his|her|this) [\w -]{{1,40}}?)? ?(?:{_INTO}) "
    rf"{_QUOTE}(?P<new>{MASK}{{1,300}})"
)
_LONGEST, _SHORTEST = 1.5, 1 / 1.5
_FEW_COLUMNS = 2  # a difference that any sign has room for


def uneven(reading: Reading) -> Fault | None:
    """Find new letters that need much more room than the old, or much less."""
    for at, _ in reading.quoted:
        found = _SWAPPED.match(reading.plain, at)
        if not found:
            continue
        old, new = (_columns(reading.text[slice(*found.span(g))]) for g in _SIDES)
        close = abs(new - old) <= _FEW_COLUMNS
        if close or _SHORTEST <= new / max(old, 1) <= _LONGEST:
            continue
        more = "longer" if new > old else "shorter"
        return Fault(
            found.start("new"),
            found.end("new"),
            f"The new text is much {more} than the old: "
            "choose words of about the same length.",
        )
    return None


_SIDES = ("old", "new")


def _columns(text: str) -> int:
    """Return how wide a text is, in letters; those of East Asia are twice as wide."""
    return sum(
        0
        if unicodedata.combining(c)
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


_CURLY = {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'}
_MARK = re.compile("['\"\u2018\u201c-\u201e]")
_STRAY_DOUBLE = re.compile(r'(?<![\d])"|[\u201c\u201d\u201e]')
_STRAY_SINGLE = re.compile(
    r"(?<![^\s(])['\u2018](?=[A-Z][\w]{1,40})(?!Tis|Twas|Em\b)|(?<=[A-RT-Z]{2})'(?!\w)"
)


def quotes(reading: Reading) -> Fault | None:
    """Find a quote that is not closed, or marks that a typewriter does not have."""
    if not _MARK.search(reading.text):
        return None
    bare = _without(reading)
    if stray := _STRAY_DOUBLE.search(bare) or _STRAY_SINGLE.search(bare):
        return Fault(
            *stray.span(), "This quote has no partner: close it after the last letter."
        )
    curly = [s for s in reading.quoted if reading.text[s[0]] in "\u2018\u201c"]
    if not curly or not reading.english:
        return None
    return Fault(
        *curly[0],
        "These quotes are curly: straight ones cannot be taken for letters to paint.",
        better=_straight(reading.text, curly),
    )


def _without(reading: Reading) -> str:
    """Return the prompt with its quotes masked, marks and all."""
    parts, at = [], 0
    for start, end in reading.quoted:
        parts += [reading.text[at:start], MASK * (end - start)]
        at = end
    return "".join([*parts, reading.text[at:]])


def _straight(text: str, spans: list[tuple[int, int]]) -> str:
    letters = list(text)
    for start, end in spans:
        mark = _CURLY[text[start]]
        letters[start] = letters[end - 1] = mark
    return "".join(letters)
