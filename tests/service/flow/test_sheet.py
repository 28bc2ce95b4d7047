"""Whose feedback a row is: nobody's key is no person's, whatever people are called."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from heedback_service.core.reference import subject
from heedback_service.flow.sheet import Key

_FEATURE = UUID(int=0xF)
_OUTPUTS = st.sampled_from([None, UUID(int=1), UUID(int=2)])
_REFS = st.builds("{}:{}".format, st.sampled_from("trj"), st.sampled_from(["", ":", "a", "anon:", "o:"]))
_SUBJECTS = st.builds(subject, _OUTPUTS, _REFS, st.just("0" * 16), st.just(_FEATURE))
_NAMES = st.builds("".join, st.lists(st.sampled_from(["anon:", "anon", ":", "a"]), max_size=4))
_LOOKING_ALIKE = st.builds("{}{}".format, st.sampled_from(["", "anon:", "anon::"]), _SUBJECTS)  # nobody's key and such
_USERS = st.none() | _NAMES | _LOOKING_ALIKE


@st.composite
def two(draw: st.DrawFn) -> tuple[tuple[str, str | None], tuple[str, str | None]]:
    """Subjects with somebody or nobody each; often one of them is called as the other's key is."""
    one, about = (draw(_SUBJECTS), draw(_USERS)), draw(_SUBJECTS)
    return one, (about, draw(_USERS | st.just(Key.of(*one, "").person_key)))


@given(two())
def test_whoever_differs_in_subject_or_name_has_a_key_of_their_own(
    both: tuple[tuple[str, str | None], tuple[str, str | None]],
) -> None:
    one, other = both
    assert (Key.of(*one, "end_user") == Key.of(*other, "end_user")) == (one == other)
    same = one[1] == other[1] and (one[1] is not None or one[0] == other[0])  # nobody here is not nobody there
    assert (Key.of(*one, "").person_key == Key.of(*other, "").person_key) == same


@given(_SUBJECTS, _USERS)
def test_the_person_of_a_key_is_the_pseudonym_as_it_was_given(about: str, user: str | None) -> None:
    assert Key.of(about, user, "end_user").person == user
