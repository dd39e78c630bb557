"""docs/prompts.md and the table of rules say the same, and its examples are true."""

import re
from pathlib import Path

import pytest

import kontext_nb as kx
from kontext_nb.prompts import Severity
from kontext_nb.prompts.linting import JUDGED_CHARS
from kontext_nb.prompts.rules import RULES
from kontext_nb.prompts.size import TOKENS_MANY, TOKENS_READ

PAGE = Path(__file__).parent.parent / "docs" / "prompts.md"
TEXT = PAGE.read_text(encoding="utf-8")
SECTIONS = {part[:4]: part for part in TEXT.split("\n### ")[1:]}


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.id)
def test_each_rule_is_explained_in_its_own_words(rule):
    """Title, severity and reason stand on the page as in the table."""
    section = SECTIONS[rule.id]
    assert section.startswith(f"{rule.id} · {rule.title}\n")
    assert f"\n{rule.severity}: {rule.why}\n" in section


def test_no_rule_is_explained_that_is_none():
    """What leaves the table leaves the page."""
    assert set(SECTIONS) == {rule.id for rule in RULES}


@pytest.mark.parametrize("rule", sorted(set(SECTIONS) - {"K002"}))
def test_the_weak_prompt_is_found_and_the_better_is_not(rule):
    """The rule speaks of the one, and no rule warns of the other."""
    (weak,) = re.findall(r"^- weak: `(.*)`$", SECTIONS[rule], re.MULTILINE)
    (better,) = re.findall(r"^- better: `(.*)`$", SECTIONS[rule], re.MULTILINE)
    assert rule in [finding.rule for finding in kx.lint(weak)]
    found = kx.lint(better)
    assert rule not in [finding.rule for finding in found]
    assert found.worst in (None, Severity.INFO)


def test_the_numbers_are_those_of_the_rules():
    """Lengths on the page are the limits in force."""
    assert f"Beyond {JUDGED_CHARS} characters" in TEXT
    assert f"reads {TOKENS_READ} tokens" in SECTIONS["K002"]
    assert f"from about {TOKENS_MANY} tokens" in SECTIONS["K002"]
