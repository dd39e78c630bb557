"""``kontext-nb store``: where the pictures are, whether they are whole, and tidying."""

from __future__ import annotations

import click

from kontext_nb.cli.speech import STDERR, answer, note, say
from kontext_nb.errors import StoreError
from kontext_nb.model import echo
from kontext_nb.session.settings import by_deadline


@click.group()
def store() -> None:
    """Look after the folder that keeps every edit."""


@store.command()
def path() -> None:
    """Print the store's folder."""
    from kontext_nb.session.upkeep import place

    home = str(place())
    answer({"path": home}, home)


@store.command()
@by_deadline
def verify() -> None:
    """Read every picture through, and name those that are damaged or missing."""
    from kontext_nb.session.upkeep import verify as verified

    found = verified()
    if not found.damages:
        pictures = _count(found.checked, "picture")
        answer({"checked": found.checked}, f"{pictures} checked, none damaged.")
        return
    for damage in found.damages:
        what = "missing" if damage.missing else "damaged"
        line = " ".join((what, damage.blob, *damage.jobs))
        say(line if line.isprintable() else echo(line), STDERR)
    derived = all(damage.derived for damage in found.damages)
    raise StoreError(
        f"Of {_count(found.checked, 'picture')}, {len(found.damages)} "
        "cannot be used any more.",
        "They are made again, free of charge, when their edits are run again."
        if derived
        else "Restore them from a backup, or run their edits again with --refresh.",
    )


@store.command()
@click.option("--delete", is_flag=True, help="Delete them, and not only say which.")
@by_deadline
def gc(*, delete: bool) -> None:
    """Find the files that no edit needs, and that are older than a day."""
    from kontext_nb.session.upkeep import gc as leftovers

    found = leftovers(delete=delete)
    paths = [str(left.path) for left in found]
    size = sum(left.size for left in found)
    done = "deleted" if delete else "can go"
    total = f"{_count(len(found), 'file')}, {size} bytes, {done}."
    facts = {"deleted": delete, "files": paths, "bytes": size}
    answer(facts, "\n".join((*paths, total)))
    if found and not delete:
        note("Nothing was deleted; add --delete for that.")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
