"""How a command ends, for scripts: the exit codes, and the errors that lead to them."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
NO: Final = 1
WRONG: Final = 2
TIMED_OUT: Final = 3
INTERRUPTED: Final = 130

EXIT_CODES: Final = {
    DONE: "done, or the answer is yes",
    NO: "the answer is no: `status --wait` saw the rollout fail, `trigger --wait` the run,"
    " `plan --exit-code` or `diff` found changes, `lint` or `check` found something wrong, a change"
    " was not made because its field belongs to Git",
    WRONG: "could not be carried out: a wrong argument, no such object, no access, or the server"
    " refused",
    TIMED_OUT: "`status --wait`, `trigger --wait`: the time of `--timeout` is over",
    INTERRUPTED: "interrupted by Ctrl-C",
}
"""What each exit code says."""


class CliError(Exception):
    """What a command could not do, in words for people; ``code`` is one of EXIT_CODES."""

    def __init__(self, message: str, code: int = WRONG) -> None:
        super().__init__(message)
        self.code = code
