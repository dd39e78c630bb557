"""Two logins at once, of which one or the other is killed, a hundred times.

A program of its own, which imports next to nothing: to fork all that the tests import
takes longer than a login.
"""

import itertools
import json
import random
import sys

from kontext_nb.errors import NotAuthorised
from kontext_nb.model import Secret
from kontext_nb.session import tokens
from tests.forking import ended, forked

KILLS, MOST_S = 100, 0.001


def written_in_place(token):
    """Save a token as a file must not be written: emptied first, then filled."""
    with tokens.token_file().open("w") as file:
        file.write(json.dumps({"access_token": token.reveal()}))
        file.flush()


SAVES = {"as it is": tokens.save, "in place": written_in_place}


def under_fire(save):
    """Let two processes save tokens all the time, and kill one or the other of them.

    Returns:
        Whose token was found after each kill, or that there was nothing once.
    """

    def saving(name):
        for turn in itertools.count():
            save(Secret.of(f"tok-{name}-{turn:08d}"))

    seed = random.SystemRandom().randrange(2**32)
    print("seed of the kills:", seed, file=sys.stderr)  # noqa: T201 - shown if it fails
    dice, seen = random.Random(seed), set()  # noqa: S311 - it keeps no secret
    logins = [forked(saving, "one"), forked(saving, "two")]
    for number in range(KILLS):
        assert ended(*logins.pop(0), dice.uniform(0, MOST_S))
        logins.append(forked(saving, ("one", "two")[number % 2]))
        try:
            seen.add(tokens.read(tokens.token_file()).reveal().split("-")[1])
        except NotAuthorised:
            seen.add("nothing")
            break
    for login in logins:
        assert ended(*login, 0.0)
    return seen


if __name__ == "__main__":
    print(json.dumps(sorted(under_fire(SAVES[sys.argv[1]]))))  # noqa: T201 - the answer
