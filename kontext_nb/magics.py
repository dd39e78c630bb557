"""The magic commands: an edit whose prompt is the body of the cell.

``%load_ext kontext_nb`` brings them. They are the same calls as in Python: whatever is
asked for again in the same cell comes from the store.
"""

from __future__ import annotations

import argparse
import keyword
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from kontext_nb.errors import KontextError, ParameterRejected
from kontext_nb.model import echo
from kontext_nb.session.asking import edit, open_chain
from kontext_nb.session.edits import Chain, Edit
from kontext_nb.session.how import How

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

NAME = "kontext"
_CELL = f"%%{NAME}"
_LINE = f"%{NAME}"


class _Parser(argparse.ArgumentParser):
    """A parser that says what is wrong, instead of ending the kernel."""

    def error(self, message: str) -> NoReturn:
        """Refuse the line."""
        raise ParameterRejected(
            f"{self.prog}: {message}.", f"It is used like this: {self.format_usage()}"
        )

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """End the command, as --help does."""
        del status, message
        raise _Ended


class _Ended(Exception):
    """The command is done."""


def _cell_parser() -> _Parser:
    parser = _Parser(prog=_CELL, description="Edit a picture; the body is the prompt.")
    add = parser.add_argument
    add("source", help="a file, or a variable: a picture or an earlier edit")
    add("--seed", type=int, help="mostly 0 to 2147483647; left out, one is picked")
    add("--aspect", metavar="RATIO", help='such as "16:9"')
    add("--model", metavar="ID", help="another model")
    add("--preserve", action="store_true", help="take only the change over")
    add("--chain", metavar="NAME", help="a name for the chain")
    add(
        "--from",
        dest="step",
        metavar="STEP",
        help="go on from a step of the chain: its number from 1, or its name",
    )
    add("--as", dest="variable", metavar="VAR", help="the variable that gets the edit")
    return parser


def _line_parser() -> _Parser:
    parser = _Parser(prog=_LINE, description="See or go back in the last chain.")
    parser.add_argument("act", choices=("history", "undo", "redo", "grid"))
    parser.add_argument("--save", metavar="PATH", help="save the grid there")
    return parser


@dataclass(slots=True)
class Magics:
    """What ``%kontext`` and ``%%kontext`` do in one shell.

    Args:
        shell: Whose variables are used.
    """

    shell: InteractiveShell
    _chain: Chain | None = None
    _head: Edit | None = None  # None at the chain's source
    _undone: list[Edit] = field(default_factory=list)

    def cell(self, line: str, body: str) -> Edit | None:
        """Edit a picture: ``%%kontext SOURCE [options]``, with the prompt below.

        The body is text as it stands: nothing in it is a variable.
        """
        asked = _parsed(_cell_parser(), line)
        if asked is None:
            return None
        if asked.variable:
            _check_variable(asked.variable)
        made = self._made(asked, body.strip())
        self._chain, self._head, self._undone = made.chain, made, []
        if asked.variable:
            self.shell.user_ns[asked.variable] = made
        return made

    def _made(self, asked: argparse.Namespace, prompt: str) -> Edit:
        """Make what a cell asks for: from a picture, an edit, or a step of a chain."""
        how: How = {
            "seed": asked.seed,
            "aspect_ratio": asked.aspect,
            "model": asked.model,
            "preserve": asked.preserve,
        }
        source = self._source(asked.source)
        if isinstance(source, Edit) and asked.chain:
            raise ParameterRejected(
                f"{asked.source} is an edit, and stays in its chain.",
                "Leave --chain out, or give a picture.",
            )
        if asked.step:
            is_edit = isinstance(source, Edit)
            chain = source.chain if is_edit else open_chain(source, name=asked.chain)
            source = _step_of(chain, asked.step)
        if isinstance(source, Edit):
            return source.edit(prompt, **how)
        return edit(source, prompt, chain=asked.chain, **how)

    def line(self, line: str) -> object:
        """Show the chain of the last edit, or go back in it."""
        asked = _parsed(_line_parser(), line)
        if asked is None:
            return None
        chain = self._chain
        if chain is None:
            raise ParameterRejected(
                "There is no edit yet to go back to.", f"Make one with {_CELL}."
            )
        if asked.save and asked.act != "grid":
            raise ParameterRejected(
                f"{_LINE} {asked.act} saves nothing.", f"Use {_LINE} grid --save PATH."
            )
        if asked.act == "undo":
            return self._back(chain)
        if asked.act == "redo":
            return self._forth(chain)
        if asked.act == "history":
            return chain
        grid = chain.grid()
        if asked.save:
            print(f"Saved as {grid.save(asked.save).absolute()}.")  # noqa: T201 - it is a command
        return grid

    def _source(self, named: str) -> Any:
        """Return a variable's value, or the name as that of a file."""
        name = named[1:-1] if named[:1] == "{" and named[-1:] == "}" else named
        found = self.shell.user_ns.get(name)
        if found is None and name != named:
            raise ParameterRejected(
                f"There is no variable {echo(name)}.", "Run the cell that makes it."
            )
        return named if found is None else found

    def _back(self, chain: Chain) -> object:
        """Take the last edit out of sight, and return what it was made from."""
        if self._head is None:
            raise ParameterRejected("There is nothing left to undo.", "Make an edit.")
        parents = {edit.step.id: parent for edit, parent in chain.tree()}
        chain.delete(self._head)
        self._undone.append(self._head)
        parent = parents.get(self._head.step.id)
        self._head = chain.find(parent) if parent else None
        if self._head:
            return self._head
        return chain.source if isinstance(chain.source, str) else chain.source.image

    def _forth(self, chain: Chain) -> Edit:
        """Bring back what was undone last."""
        if not self._undone:
            raise ParameterRejected("There is nothing to redo.", "Undo an edit first.")
        self._head = self._undone.pop()
        chain.restore(self._head)
        return self._head


def _step_of(chain: Chain, step: str) -> Edit:
    """Return a chain's edit by its number, as the strip shows it, or by its name."""
    edits = chain.edits
    named = [edit for edit in edits if edit.name == step]
    if len(named) == 1:
        return named[0]
    if not named and step.isdecimal() and 1 <= int(step) <= len(edits):
        return edits[int(step) - 1]
    problem = "Several steps are" if named else "The chain has no step"
    raise ParameterRejected(
        f"{problem} called {echo(step)}.",
        f"Give the number of one, from 1 to {len(edits)}." if edits else "It is empty.",
    )


def _parsed(parser: _Parser, line: str) -> argparse.Namespace | None:
    # IPython takes it from another module on each system, and names it nowhere.
    from IPython.utils.process import arg_split  # type: ignore[attr-defined]

    try:
        words = arg_split(line, posix=True)  # Windows has rules of its own
    except ValueError as error:  # a quote that is not closed
        parser.error(str(error).lower())
    try:
        return parser.parse_args(words)
    except _Ended:
        return None


def _check_variable(name: str) -> None:
    """Refuse what could not be read back, before anything is made for it."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ParameterRejected(
            f"{echo(name)} is no name of a variable.", "Give one, such as night."
        )


def load(shell: InteractiveShell) -> None:
    """Register the magic commands, and have our errors shown as two sentences."""
    magics = Magics(shell)
    shell.register_magic_function(_told(magics.cell), "cell", NAME)
    shell.register_magic_function(_told(magics.line), "line", NAME)


def unload(shell: InteractiveShell) -> None:
    """Take exactly these commands out again; one that took their place stays."""
    for kind in ("cell", "line"):
        commands = shell.magics_manager.magics[kind]
        if getattr(commands.get(NAME), "__module__", None) == __name__:
            del commands[NAME]


def _told(command: Any) -> Any:
    """Let a command end with an error's two sentences, and leave braces alone."""
    from IPython.core.magic import no_var_expand

    def run(*given: str) -> object:
        try:
            return command(*given)
        except KontextError as error:
            said = f"{type(error).__name__}: {error}"
            # IPython asks an error for its own words before it shows where it was.
            vars(error)["_render_traceback_"] = lambda: [said]
            raise

    run.__doc__ = command.__doc__
    return no_var_expand(run)
