"""Where each key of a TOML text stands."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from firmware_profiles.origins import Origin, nearest, origins_of

TEXT = '''\
# a comment with [brackets] and an = sign
title = "x"
text = """
[not.a.header]
key = 1
"""
list = [
  1,
  2,
]
dotted.key = 1
inline = { a = 1, "b c" = { d = 2 } }

[table.sub]
one = 1
"quoted key" = 2
[[points]]
a = 1
  [points.labels]
  1 = "x"
[[points]]
a = 2
[points.labels]
2 = "y"
[[points.deep]]
b = 1
[[points.deep]]
b = 2
'''


def test_every_kind_of_statement_is_found():
    found = {keys: origin.line for keys, origin in origins_of(TEXT, "a.toml").items()}
    assert found == {
        ("title",): 2,
        ("text",): 3,
        ("list",): 7,
        ("list", 0): 7,
        ("list", 1): 7,
        ("dotted",): 11,
        ("dotted", "key"): 11,
        ("inline",): 12,
        ("inline", "a"): 12,
        ("inline", "b c"): 12,
        ("inline", "b c", "d"): 12,
        ("table",): 14,
        ("table", "sub"): 14,
        ("table", "sub", "one"): 15,
        ("table", "sub", "quoted key"): 16,
        ("points",): 17,
        ("points", 0): 17,
        ("points", 0, "a"): 18,
        ("points", 0, "labels"): 19,
        ("points", 0, "labels", "1"): 20,
        ("points", 1): 21,
        ("points", 1, "a"): 22,
        ("points", 1, "labels"): 23,
        ("points", 1, "labels", "2"): 24,
        ("points", 1, "deep"): 25,
        ("points", 1, "deep", 0): 25,
        ("points", 1, "deep", 0, "b"): 26,
        ("points", 1, "deep", 1): 27,
        ("points", 1, "deep", 1, "b"): 28,
    }


def test_the_closest_table_stands_for_a_key_that_is_not_there():
    origins = origins_of(TEXT, "a.toml")
    assert nearest(origins, ("points", 1, "missing"), "b.toml") == Origin("a.toml", 21)
    assert nearest(origins, ("missing",), "b.toml") == Origin("b.toml")
    assert str(Origin("a.toml", 3)) == "a.toml:3"
    assert str(Origin("a.toml")) == "a.toml"


def leaves(value, keys=()):
    if isinstance(value, dict) and value:
        return [leaf for key, item in value.items() for leaf in leaves(item, (*keys, key))]
    if isinstance(value, list) and value:
        return [leaf for key, item in enumerate(value) for leaf in leaves(item, (*keys, key))]
    return [keys]


names = st.sampled_from(["a", "b", "points", '"x y"', "1"])
values = st.sampled_from(["1", "[\n1,\n2]", '"""\n[a]\n"""', "{ a = [1, { b = 2 }] }"])
statements = st.one_of(
    names.map("[{}]".format),
    names.map("[[{}]]".format),
    st.tuples(names, names).map(lambda pair: f"[{pair[0]}.{pair[1]}]"),
    st.tuples(names, names).map(lambda pair: f"[[{pair[0]}.{pair[1]}]]"),
    st.tuples(names, st.sampled_from(["1", "[\n1,\n2]", '"""\n[a]\n"""', "{ a = [1, { b = 2 }] }"])).map(
        " = ".join
    ),
    st.sampled_from(["", "# [comment]"]),
)


@given(st.lists(statements, max_size=8))
def test_every_leaf_of_any_valid_text_has_an_origin_and_no_origin_is_invented(lines):
    text = "\n".join(lines)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    origins = origins_of(text, "a.toml")
    for keys in origins:
        value = table
        for key in keys:
            value = value[key]
    missing = [keys for keys in leaves(table) if keys and keys not in origins]
    assert missing == []
    assert all(1 <= origin.line <= len(text.split("\n")) for origin in origins.values())
