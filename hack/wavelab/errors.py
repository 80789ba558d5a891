"""The error every part of wavelab raises: one sentence for a person, and an exit code."""

from __future__ import annotations


class WavelabError(RuntimeError):
    """Something a person has to read; `exit_code` is what the command line ends with.

    1: it was tried and failed. 2: it was refused before anything was changed.
    """

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class RefusedError(WavelabError):
    """The request cannot be met as things are (wrong arguments, a machine that lacks something)."""

    def __init__(self, message: str) -> None:
        super().__init__(message, exit_code=2)
