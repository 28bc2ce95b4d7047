"""What the benchmark of candidates makes of long texts."""

from bench._halves import LONG, halves


def test_each_long_text_is_cut_once_in_the_middle_and_short_ones_are_left_out() -> None:
    one, other = (" ".join(f"{name}{at}" for at in range(LONG + more)) for name, more in (("a", 0), ("b", 1)))
    texts, of = halves([one, "too short", other, one])
    assert of == ["0", "1", "0", "1"]
    assert [f"{texts[at]} {texts[at + 2]}" for at in (0, 1)] == [one, other]
    assert [len(text.split()) for text in texts] == [LONG // 2, LONG // 2, LONG // 2, LONG // 2 + 1]
