"""What ends the demonstration with words instead of a traceback."""


class DemoError(Exception):
    """The message says what is wrong and what to do about it."""
