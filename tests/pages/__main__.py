"""Write what stories tell into the pages that show it: a part of ``make generate``."""

import logging

import pytest

from pages.told import PAGES, written

logging.disable()  # what the simulated operators say
with pytest.MonkeyPatch.context() as patch:
    for path in PAGES:
        path.write_text(written(path.read_text(), patch))
