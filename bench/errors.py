"""What ends a benchmark."""


class BenchError(Exception):
    """Something that was to be measured did not come about; the message says what."""
