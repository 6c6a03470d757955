"""Features: vocabularies stop at their bound, and numeric models see every category as numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.features.encoder import OTHER, CategoryAdmission, FeatureReader
from engine.limits import Limits
from engine.schema import Column, Kind, Schema

COLOURS = Schema((Column("n", Kind.NUMERIC), Column("colour", Kind.CATEGORY), Column("note", Kind.TEXT)))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([*"123456", OTHER]))), st.integers(1, 4))
def test_the_first_values_are_admitted_and_all_others_are_other(pairs: list[tuple[str, str]], count_max: int) -> None:
    """Per column, exactly the first `count_max` distinct values keep their name, for good."""
    admission = CategoryAdmission(count_max)
    distinct: dict[str, list[str]] = {"a": [], "b": []}
    over_count = 0
    for column, value in pairs:
        if value != OTHER and value not in distinct[column]:
            distinct[column].append(value)
        is_kept = value in distinct[column][:count_max]
        over_count += not is_kept and value != OTHER
        assert admission.admit(column, value) == (value if is_kept else OTHER)
    assert admission.over_count == over_count


def test_numeric_models_see_a_dense_bounded_one_hot() -> None:
    """One column per value up to the bound, one for all others, zeros for what is not; text is dropped."""
    reader = FeatureReader(COLOURS, Limits(onehot_count_max=2, category_count_max=3))
    views = [
        reader.numeric(reader.read({"n": 1, "colour": colour, "note": "a b c"}))
        for colour in ["red", "blue", "green", "grey", "red", ""]
    ]
    assert views[0] == {"n": 1.0, "colour=red": 1.0}
    assert views[1] == {"n": 1.0, "colour=red": 0.0, "colour=blue": 1.0}
    assert views[2] == views[3] == {"n": 1.0, "colour=red": 0.0, "colour=blue": 0.0, "colour=(other)": 1.0}
    assert views[4] == {"n": 1.0, "colour=red": 1.0, "colour=blue": 0.0, "colour=(other)": 0.0}
    assert views[5] == {"n": 1.0, "colour=red": 0.0, "colour=blue": 0.0, "colour=(other)": 0.0}
    assert reader.counters == {"unknown_columns": 0, "categories_over_bound": 1}


def test_features_keep_their_words_for_models_that_take_them() -> None:
    """The features themselves hold the category as admitted, and the text as it was."""
    reader = FeatureReader(COLOURS, Limits(category_count_max=1))
    assert reader.read({"n": 1, "colour": "red", "note": " A "}) == {"n": 1.0, "colour": "red", "note": " A "}
    assert reader.read({"n": 1, "colour": "blue"}) == {"n": 1.0, "colour": OTHER}


def test_a_view_of_numbers_is_the_features_themselves() -> None:
    """Where all columns are numeric nothing is copied; likewise where nothing was declared and no text has come."""
    for schema in (Schema((Column("n", Kind.NUMERIC),)), None):
        reader = FeatureReader(schema, Limits())
        x = reader.read({"n": 1})
        assert reader.numeric(x) is x


def test_a_schema_of_text_alone_leaves_numeric_models_nothing() -> None:
    """Text never reaches a numeric model, and its absence is an empty view."""
    reader = FeatureReader(Schema((Column("note", Kind.TEXT),)), Limits())
    assert reader.numeric(reader.read({"note": "hello you there"})) == {}


def test_a_new_value_per_event_stays_within_the_bounds() -> None:
    """A hostile vocabulary fills the bounds and is counted; the view stops growing."""
    reader = FeatureReader(None, Limits(category_count_max=5, onehot_count_max=3))
    widths = [len(reader.numeric(reader.read({"w": f"v{n}"}))) for n in range(100)]
    assert widths[:5] == [1, 2, 3, 4, 4]
    assert widths[-1] == 4
    assert reader.counters["categories_over_bound"] == 95
