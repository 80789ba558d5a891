"""The quick start's commands, run as they stand there: ``make quickstart`` and its tests."""
