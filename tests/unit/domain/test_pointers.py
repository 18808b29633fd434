import pytest

from domain.pointers import parts_of, pointer_of


@pytest.mark.parametrize(
    ("parts", "pointer"),
    # RFC 6901, 5, but for the numbers: an index is told as its text.
    [
        ([], ""),
        (["foo", "0"], "/foo/0"),
        ([""], "/"),
        (["a/b"], "/a~1b"),
        (["c%d"], "/c%d"),
        (['k"l'], '/k"l'),
        ([" "], "/ "),
        (["m~n"], "/m~0n"),
        (["~1", "/~0"], "/~01/~1~00"),
    ],
)
def test_a_pointer_leads_back_to_the_names_it_was_made_of(parts: list[str], pointer: str) -> None:
    assert pointer_of(parts) == pointer
    assert parts_of(pointer) == parts
