"""The rendered document: same meaning for every reader of YAML, and bounded."""

from __future__ import annotations

import doctest
import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from unit.drivers.views import container
from wavegate.drivers import document as module
from wavegate.drivers.document import DocumentError, bounded_config, document

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
CONFIGS = st.dictionaries(
    TEXT,
    st.recursive(
        TEXT | st.integers(-(2**53), 2**53) | st.booleans() | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def test_the_worked_example_holds():
    assert doctest.testmod(module).failed == 0


@given(CONFIGS)
def test_a_document_means_the_same_as_yaml_and_as_json(config):
    text = document(config)
    assert yaml.safe_load(text) == config
    assert json.loads(text) == config


@given(CONFIGS)
def test_the_order_of_keys_makes_no_other_document(config):
    assert document(dict(reversed(config.items()))) == document(config)


@pytest.mark.parametrize(
    ("character", "spelled"),
    [
        pytest.param("\x7f", "\\u007f", id="delete, which YAML refuses"),
        pytest.param("\x85", "\\u0085", id="next line, which YAML folds"),
        pytest.param("\u2028", "\\u2028", id="line separator, which YAML folds"),
        pytest.param("\ufeff", "\\ufeff", id="byte order mark"),
        pytest.param("\U0001f600", "\U0001f600", id="no surrogate pair, which YAML does not know"),
        pytest.param("é", "é", id="letters stay readable"),
    ],
)
def test_characters_that_yaml_would_change_are_escaped(character, spelled):
    assert document({"a": character}) == f'{{\n  "a": "{spelled}"\n}}\n'


def test_a_config_of_256_kib_is_rendered_and_one_byte_more_is_refused():
    frame = len('{"a":""}')
    largest = {"a": "x" * (256 * 1024 - frame)}
    assert bounded_config(container(config=largest)) == largest
    with pytest.raises(DocumentError, match=r"^spec\.config: has 262145 bytes .* 262144"):
        bounded_config(container(config={"a": largest["a"] + "x"}))


def test_a_config_that_takes_too_many_blanks_is_refused_before_it_is_rendered():
    def nested(depth, number):
        inner = {"a": [1] * number}
        for _ in range(depth):
            inner = {"a": inner}
        return inner

    assert len(document(nested(3, 70_000))) < 1024 * 1024
    for config in (nested(3, 110_000), nested(90, 6_000)):
        with pytest.raises(DocumentError, match=r"^spec\.config: has more than 1048576 characters"):
            document(config)
