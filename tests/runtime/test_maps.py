"""Maps of XQuery 3.1 keep their entries, whatever is made from them."""

import time
from decimal import Decimal

import pytest
from elementpath.datatypes import AnyURI, UntypedAtomic, XsdToken
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.atomic import Float32
from xquery_bridge.runtime.maps import XdmMap

_KEYS = st.integers(0, 25) | st.sampled_from("abcdefgh")
#: An operation on a version made before: (version, "put" or "remove" or "merge", key, value).
_STEPS = st.lists(
    st.tuples(
        st.integers(0, 1000), st.sampled_from(["put", "put", "remove", "remove", "merge"]), _KEYS, st.integers(0, 99)
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_KEYS, st.integers(0, 99), max_size=30), _STEPS)
def test_every_version_of_a_map_is_like_a_dict_of_its_own(first, steps):
    versions, models = [XdmMap.of(first.items())], [dict(first)]
    for choice, operation, key, value in steps:
        at = choice % len(versions)
        source, model = versions[at], dict(models[at])
        if operation == "put":
            versions.append(source.put(key, value))
            model[key] = value
        elif operation == "remove":
            versions.append(source.remove([key]))
            model.pop(key, None)
        else:
            other = choice % 7 % len(versions)
            versions.append(XdmMap.merged([source, versions[other]], "use-last"))
            model.update(models[other])
        models.append(model)
        assert dict(versions[at].items()) == models[at]
    for version, model in zip(versions, models, strict=True):
        assert dict(version.items()) == model
        assert len(version) == len(model)
        assert all(version.get(key) == value and key in version for key, value in model.items())
        assert list(zip(version.keys(), version.values(), strict=True)) == version.items()


def test_an_old_version_far_from_the_newest_still_has_its_own_entries():
    first = XdmMap.of((n, n) for n in range(10))
    versions = [first]
    for n in range(200):
        versions.append(versions[-1].put(n, -n))
    assert first.items() == [(n, n) for n in range(10)]
    assert versions[100].get(99) == -99 and versions[100].get(100) == []
    assert len(versions[200]) == 200 and versions[200].get(5) == -5 and versions[3].get(5) == 5


def test_twenty_thousand_puts_and_merges_do_not_copy_the_map_each_time():
    made = merged = XdmMap()
    begun = time.perf_counter()
    for n in range(20_000):
        made = made.put(n, n)
        merged = XdmMap.merged([merged, XdmMap.of([(n, n)])])
        assert made.get(n) == n
    assert time.perf_counter() - begun < 60
    assert len(made) == len(merged) == 20_000


def test_twenty_thousand_removals_do_not_copy_the_map_each_time():
    full = made = XdmMap.of((n, n) for n in range(20_000))
    begun = time.perf_counter()
    for n in range(20_000):
        made = made.remove([n])
        assert len(full.remove([n])) == 19_999 if n % 100 == 0 else n not in made
    assert time.perf_counter() - begun < 60
    assert (len(made), made.items(), len(full)) == (0, [], 20_000)
    assert full.items() == [(n, n) for n in range(20_000)]


def test_a_map_keeps_its_order_when_another_one_loses_or_regains_keys():
    full = XdmMap.of((n, n) for n in range(50))
    less = full.remove([3, 4])
    assert full.keys() == list(range(50)) and less.keys() == [0, 1, 2, *range(5, 50)]
    again = less.put(3, "new")
    assert len(again) == 49 and again.get(3) == "new" and 3 not in less and full.get(3) == 3
    assert full.keys() == list(range(50)) and 4 not in again


def test_keys_are_the_same_by_value_and_not_by_type():
    made = XdmMap.of([(1, "number"), ("1", "text"), (True, "boolean"), (float("nan"), "nan")])
    assert len(made) == 4
    for same in (1, 1.0, Decimal("1.00"), Float32(1)):
        assert made.get(same) == "number"
    for same in (UntypedAtomic("1"), XsdToken("1"), AnyURI("1")):
        assert made.get(same) == "text"
    assert made.get(True) == "boolean" and made.get(Float32("NaN")) == "nan"


def test_put_takes_the_new_key_and_leaves_the_place():
    made = XdmMap.of([(1, "a"), (2, "b")]).put(1.0, "c")
    assert made.items() == [(1.0, "c"), (2, "b")] and type(made.keys()[0]) is float


def test_merging_by_each_policy():
    maps = [XdmMap.of([(1, "a"), (2, "b")]), XdmMap.of([(2, "c"), (3, ["d", "e"])]), XdmMap.of([(3, "f")])]
    assert XdmMap.merged([]).items() == []
    assert XdmMap.merged(maps).items() == [(1, "a"), (2, "b"), (3, ["d", "e"])]
    assert XdmMap.merged(maps, "use-last").items() == [(1, "a"), (2, "c"), (3, "f")]
    assert XdmMap.merged(maps, "combine").items() == [(1, "a"), (2, ["b", "c"]), (3, ["d", "e", "f"])]
    with pytest.raises(XQueryError, match="FOJS0003"):
        XdmMap.merged(maps, "reject")
    large = XdmMap.of((n, n) for n in range(50))
    with pytest.raises(XQueryError, match="FOJS0003"):
        XdmMap.merged([large, XdmMap.of([(3, 0)])], "reject")
    assert XdmMap.merged([large, XdmMap.of([(3, 0), (50, 1)])], "combine").get(3) == [3, 0]
    assert large.get(3) == 3 and len(large) == 50


def test_a_map_is_a_function_of_its_keys():
    made = XdmMap.of([("a", [1, 2])])
    assert made.arity == 1 and made.call("a") == [1, 2] and made.call([UntypedAtomic("a")]) == [1, 2]
    assert made.call("b") == []
    for wrong in ([], ["a", "b"]):
        with pytest.raises(XQueryError, match="XPTY0004"):
            made.call(wrong)
