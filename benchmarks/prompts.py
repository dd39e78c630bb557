"""How long it takes to read a prompt by all rules, and to tell two prompts apart.

Run it on a quiet machine: ``python benchmarks/prompts.py``. Times are of this thread's
processor, the best of a few tries; the slowest of each kind is what is printed. The
promise is 2 ms for a prompt of up to 4000 characters, and for two of 500 words.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kontext_nb.prompts import lint, prompt_changes

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.prompt_corpus import CORPUS

USUAL = 300  # characters
# Beginnings of what the rules look for; any two of them, over and over, are a prompt
# that was written to be slow.
BEGINNINGS = (
    *(
        "make ",
        "make the ",
        "turn the man ",
        "replace 'a ",
        "replace the ",
        "'a ",
        '"a',
    ),
    *("\u201ca", "(a:", "((a", "the ", "no ", "do not change ", "without changing a "),
    *("sign says ", "change the text ", "a, ", "add a, ", "and add a ", "image ", " "),
    *("i want the ", "the a b c should ", "\n", "- ", "1. ", "put the man in ", "A "),
    *("transform the big ", "make it a b ", "«a", "give b c a ", "the x be ", "write "),
    *("change the x y background ", "the word A ", "A&", "of the second ", "sketch "),
    *("create an ", "change to a b c d ", "\u0301", "漢", "İ", "should be ", "kept "),
)


def milliseconds(task: Callable[[], object], tries: int = 4) -> float:
    """Return the least time that a task took."""
    taken = []
    for _ in range(tries):
        begun = time.thread_time()
        task()
        taken.append(1000 * (time.thread_time() - begun))
    return min(taken)


def slow_prompts() -> Iterator[str]:
    """Yield prompts that are hard to read: at every length where more rules stop."""
    drawn = random.Random(0)  # noqa: S311 - the same ones each time
    for first in BEGINNINGS:
        for second in ("", *drawn.sample(BEGINNINGS, 4)):
            for length in (400, 1600, 4000):
                yield ((first + second) * 4000)[:length]


def long_pairs(words: int = 500) -> Iterator[tuple[str, str]]:
    """Yield pairs of long prompts: alike, unlike, shuffled, and of one word."""
    drawn = random.Random(0)  # noqa: S311
    told = " ".join(prompt for prompt, _ in CORPUS).split()
    one, other = drawn.sample(told, words), drawn.sample(told, words)
    mended = ["else" if n % 10 == 0 else w for n, w in enumerate(one)]
    shuffled = drawn.sample(one, words)
    few = drawn.choices(("the", "a", "red", "car"), k=words)
    rows = ((one, mended), (one, other), (one, shuffled), (few, few[::-1]))
    yield from ((" ".join(a), " ".join(b)) for a, b in rows)
    yield "the " * words, "the " * (words // 2)


def main() -> None:
    """Print the slowest of each kind."""
    lint("Make it night")  # compiles what is compiled once
    usual = [milliseconds(lambda p=p: lint(p)) for p, _ in CORPUS if len(p) <= USUAL]
    print(f"lint, as people write    median {statistics.median(usual):.2f} ms")
    print(f"                         slowest {max(usual):.2f} ms")
    slow = max((milliseconds(lambda p=p: lint(p)), p[:30]) for p in slow_prompts())
    print(f"lint, written to be slow slowest {slow[0]:.2f} ms ({slow[1]!r})")
    pairs = max(milliseconds(lambda p=p: prompt_changes(*p)) for p in long_pairs())
    print(f"two prompts of 500 words slowest {pairs:.2f} ms")


if __name__ == "__main__":
    main()
