"""Arrays of XQuery 3.1 keep their members, whatever is made from them."""

import time

import pytest
from elementpath.datatypes import UntypedAtomic
from hypothesis import given, settings
from hypothesis import strategies as st

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.arrays import XdmArray

_OPERATIONS = ["append", "append", "append", "put", "insert", "without", "part", "members"]
_STEPS = st.lists(
    st.tuples(st.integers(0, 1000), st.sampled_from(_OPERATIONS), st.integers(0, 20), st.integers(0, 99)), max_size=60
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 99), max_size=8), _STEPS)
def test_every_version_of_an_array_is_like_a_list_of_its_own(first, steps):
    versions, models = [XdmArray(list(first))], [list(first)]
    for choice, operation, index, value in steps:
        at = choice % len(versions)
        source, model = versions[at], list(models[at])
        if operation == "append":
            made = source.append(value)
            model.append(value)
        elif operation == "put" and model:
            made = source.put(index % len(model), value)
            model[index % len(model)] = value
        elif operation == "insert":
            made = source.insert(index % (len(model) + 1), value)
            model.insert(index % (len(model) + 1), value)
        elif operation == "without":
            made = source.without({index})
            model[index : index + 1] = []
        elif operation == "part":
            made, model = source.part(index, index + value), model[index : index + value]
        else:
            made = source
            assert source.members() == model
        versions.append(made)
        models.append(model)
    for version, model in zip(versions, models, strict=True):
        assert len(version) == len(model)
        assert [version.member(at) for at in range(len(model))] == model
        assert version.members() == model


def test_members_handed_out_do_not_grow():
    array = XdmArray([]).append(1).append(2)
    members = array.members()
    longer = array.append(3)
    assert members == [1, 2] and longer.members() == [1, 2, 3] and array.members() is members


def test_two_arrays_grow_from_one_without_seeing_each_other():
    base = XdmArray([1]).append(2)
    one, other = base.append(3), base.append(4)
    assert (one.members(), other.members(), base.members()) == ([1, 2, 3], [1, 2, 4], [1, 2])


def test_fifty_thousand_appends_do_not_copy_the_array_each_time():
    array = XdmArray([])
    begun = time.perf_counter()
    for n in range(50_000):
        array = array.append(n)
        assert array.call(n + 1) == n
    assert time.perf_counter() - begun < 60
    assert array.members() == list(range(50_000))


def test_an_array_is_a_function_of_its_positions():
    array = XdmArray(["a", ["b", "c"]])
    assert array.arity == 1 and array.call(2) == ["b", "c"] and array.call([UntypedAtomic("1")]) == "a"
    for position in (0, 3, -1):
        with pytest.raises(XQueryError, match="FOAY0001"):
            array.call(position)
    for wrong in ("a", [], [1, 2], 1.0):
        with pytest.raises(XQueryError, match="XPTY0004"):
            array.call(wrong)
