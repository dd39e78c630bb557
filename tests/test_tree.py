"""Where the steps of a chain stand: one row for a chain, one more for a branch."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from kontext_nb.widgets.tree import lanes, placed
from kontext_nb.widgets.view import ShownStep


def tree(parents):
    """Return a source and steps, each made from the one at the place given."""
    made = (
        ShownStep(id=f"s{n}", title=f"prompt {n}", parent=f"s{parent}")
        for n, parent in enumerate(parents, start=1)
    )
    return [ShownStep(id="s0", title="Source"), *made]


@st.composite
def trees(draw):
    count = draw(st.integers(0, 40))
    # Mostly the last step goes on, as people work; else any earlier one.
    back = st.one_of(st.just(0), st.integers(0, 40))
    return tree([max(0, n - draw(back)) for n in range(count)])


def test_a_straight_chain_is_one_row():
    """Fifty pictures, each made from the one before: one row, no words of origin."""
    steps = placed(tree(range(49)))
    assert [(step["row"], step["column"]) for step in steps] == [
        (0, n) for n in range(50)
    ]
    assert {step["origin"] for step in steps} == {""}


def test_a_branch_says_where_it_comes_from():
    """A second child starts a row below; in words it says the step it was made from."""
    *_, branch, from_source = placed(tree([0, 1, 2, 1, 0]))
    assert (branch["origin"], branch["row"], branch["rows"]) == ("from step 1", 1, 1)
    assert (from_source["origin"], from_source["row"]) == ("from source", 2)
    assert (branch["called"], branch["number"]) == ("step 4", 4)


def test_short_branches_far_apart_share_a_row():
    """Six branches of a long chain need not make it six rows high."""
    steps = placed(tree([*range(44), *(3, 10, 20, 30, 38, 42)]))
    assert max(step["row"] for step in steps) == 1


def test_a_step_whose_parent_is_gone_starts_a_row():
    """Nothing is lost from sight because its parent is not in the list."""
    steps = placed([*tree([0]), ShownStep(id="x", title="x", parent="gone")])
    assert (steps[-1]["row"], steps[-1]["column"], steps[-1]["rows"]) == (1, 0, -1)
    assert placed([]) == []


@settings(deadline=None)
@given(trees())
def test_no_two_steps_share_a_place_and_no_line_crosses_a_step(steps):
    """Whatever the tree, each step has its own place and each line its own way."""
    found = placed(steps)
    at = {step["id"]: step for step in found}
    places = {(step["row"], step["column"]): step["id"] for step in found}
    assert len(places) == len(steps)
    lines = {}
    for step in found[1:]:
        up = at[step["parent"]]
        assert step["column"] == up["column"] + 1
        assert step["row"] - up["row"] == step["rows"] >= 0
        for row in range(up["row"] + 1, step["row"] + 1):
            place = (row, up["column"])
            assert place not in places
            assert lines.setdefault(place, up["id"]) == up["id"]


@settings(deadline=None)
@given(trees())
def test_lanes_hold_every_step_once(steps):
    """Lane by lane all steps are there, and in a lane each follows the one before."""
    rows = lanes(steps)
    assert sorted(s["id"] for lane in rows for s in lane) == sorted(
        step["id"] for step in steps
    )
    for lane in rows:
        for before, after in pairwise(lane):
            assert after["parent"] == before["id"]
