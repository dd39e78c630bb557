"""Every error kontext_nb raises, as one tree.

    KontextError
    |-- InputRejected             what you gave; nothing was sent          exit 65
    |   |-- ImageRejected         the picture, or the file it is read from
    |   |-- PromptRejected        the instruction
    |   |-- ParameterRejected     seed, aspect ratio, model, settings
    |   |   `-- SettingRejected   what the environment says of a setting   exit 64
    |   `-- LimitReached          your own budget_usd or max_edits
    |-- SetupIncomplete           something needed here is not working     exit 69
    |-- NotAuthorised             no token, or one the service refuses     exit 77
    |-- LoginExpired              nobody confirmed the code in time        exit 75
    |-- ServiceError              the service's side                       exit 69
    |   |-- RequestRefused        it read the request and will not run it  exit 65
    |   |-- OutOfCredit           the account has no balance left          exit 65
    |   |-- EditFailed            the job ran and failed
    |   |-- EditCancelled         the job was cancelled before it ran
    |   |-- ResultLost            the job ended, its result cannot be had
    |   |-- BadReply              an answer that cannot be understood
    |   |-- ServiceBusy           too many requests, or not reachable now  exit 75
    |   |-- StillRunning          the deadline passed; the job goes on     exit 75
    |   `-- OutcomeUnknown        sent, no answer; perhaps charged         exit 75
    |-- NotSaved                  the file you named cannot be written     exit 73
    `-- StoreError                the store on this disk                   exit 75

The exit codes are those of sysexits.h as the RunComfy command line uses them.
"""

from __future__ import annotations


class KontextError(Exception):
    """Base of the tree: what is wrong, and what to do about it.

    Args:
        problem: One sentence that says what is wrong.
        remedy: One sentence that says what to do.
        job: Id of the job in the store, when there is one to go back to.
        request_id: The service's id for it, where one is known.
        state: How far the job came, in the words of `lifecycle`.
        may_have_been_charged: Whether the service may ask money for the edit.
    """

    exit_code: int = 1
    # An edit that may have been sent is never sent again by asking again.
    rerun_is_safe: bool = True

    def __init__(
        self,
        problem: str,
        remedy: str,
        *,
        job: str | None = None,
        request_id: str | None = None,
        state: str | None = None,
        may_have_been_charged: bool = False,
    ) -> None:
        super().__init__(f"{problem} {remedy}".strip())
        self.problem = problem
        self.remedy = remedy
        self.job = job
        self.request_id = request_id
        self.state = state
        self.may_have_been_charged = may_have_been_charged

    def about(
        self,
        *,
        job: str,
        request_id: str | None,
        state: str,
        may_have_been_charged: bool,
    ) -> None:
        """Say which job it is about, as far as it does not say more of it already."""
        self.job = job
        self.request_id = self.request_id or request_id
        self.state = self.state or state
        self.may_have_been_charged |= may_have_been_charged


class InputRejected(KontextError, ValueError):
    """What was given cannot be used; nothing was sent."""

    exit_code = 65


class ImageRejected(InputRejected):
    """The picture cannot be used."""


class PromptRejected(InputRejected):
    """The instruction cannot be used."""


class ParameterRejected(InputRejected):
    """A seed, aspect ratio, model or setting cannot be used."""


class SettingRejected(ParameterRejected):
    """What the environment, or an option in its place, says cannot be used."""

    exit_code = 64


class LimitReached(InputRejected):
    """The edit would pass the user's own cap on paid edits; nothing was sent."""


class SetupIncomplete(KontextError):
    """Something needed on this machine is not there, or does not work."""

    exit_code = 69


class NotAuthorised(KontextError):
    """There is no token, or the service refuses the one there is."""

    exit_code = 77


class LoginExpired(KontextError):
    """Nobody confirmed the login's code while it was good."""

    exit_code = 75


class ServiceError(KontextError):
    """The service could not do the edit."""

    exit_code = 69


class RequestRefused(ServiceError):
    """The service read the request and will not run it."""

    exit_code = 65


class OutOfCredit(ServiceError):
    """The account has no balance left."""

    exit_code = 65


class EditFailed(ServiceError):
    """The job ran and failed."""


class EditCancelled(ServiceError):
    """The job was cancelled before it ran."""


class ResultLost(ServiceError):
    """The job ended but its result cannot be had."""


class BadReply(ServiceError):
    """The service answered something that cannot be understood."""


class ServiceBusy(ServiceError):
    """Too many requests, or the service cannot be reached just now."""

    exit_code = 75
    retry_after_s = 0.0  # what the service asked for, if it asked
    timed_out = False  # whether it was waited for in vain
    lasting = False  # whether asking again has no point


class StillRunning(ServiceError):
    """The deadline passed while the job went on."""

    exit_code = 75


class OutcomeUnknown(ServiceError):
    """The edit was sent and no usable answer came back; never sent again by itself."""

    exit_code = 75


class NotSaved(KontextError):
    """A file cannot be written; an edit itself is in the store all the same."""

    exit_code = 73


class StoreError(KontextError):
    """The store on this disk cannot be used."""

    exit_code = 75
