"""The rendered document: same meaning for every reader of YAML, and bounded."""

from __future__ import annotations

import doctest
import json
from typing import Any

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


def nested(depth: int, number: int) -> dict[str, Any]:
    config: dict[str, Any] = {"a": [1] * number}
    for _ in range(depth - 1):
        config = {"a": config}
    return config


@pytest.mark.parametrize(
    ("config", "lines"),
    [
        pytest.param(nested(1, 16_000), 16_004, id="many values"),
        pytest.param(nested(1, 16_400), 1, id="more of them"),
        pytest.param(nested(90, 300), 482, id="far within others"),
        pytest.param(nested(90, 400), 1, id="farther"),
        pytest.param({"a": "x" * 200_000}, 3, id="long"),
    ],
)
def test_a_document_that_nobody_reads_is_one_line(config: dict[str, Any], lines: int):
    text = document(config)
    assert text.count("\n") == lines
    assert json.loads(text) == config
    assert yaml.load(text, yaml.CSafeLoader) == config
    assert len(text) < 1024 * 1024
