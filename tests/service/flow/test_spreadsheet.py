"""Files of texts: what is right in them is read, what is not is told by its line."""

from __future__ import annotations

import csv
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heedback_service.flow.spreadsheet import BadRow, UnfitFileError, read, write
from support import heard


def a_file(folder: Path, content: str | bytes, name: str = "in.csv") -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_as_spreadsheets_write_it(tmp_path: Path, delimiter: str, mark: str) -> None:
    lines = [["id", "text"], ["1", 'He said "no",\r\ntwice; or |\tso'], ["", "2"]]
    file = tmp_path / "in.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write(mark)
        csv.writer(out, delimiter=delimiter).writerows(lines)
    sheet = read(file, ["text"])
    assert sheet.columns == ("id", "text")
    assert [list(row.cells.values()) for row in sheet.rows] == lines[1:]
    assert [row.line for row in sheet.rows] == [2, 4]


def test_bad_rows_are_told_and_their_neighbours_are_read(tmp_path: Path) -> None:
    sheet = read(a_file(tmp_path, b"text,n\nfirst,1\nlonely\nthird,3,x\n\nfif\xffth,5\nsixth,6\n"), ["text"])
    assert [row.cells["text"] for row in sheet.rows] == ["first", "sixth"]
    assert [row.line for row in sheet.rows] == [2, 7]
    assert sheet.bad == (
        BadRow(3, "1 cells under 2 columns"),
        BadRow(4, "3 cells under 2 columns"),
        BadRow(6, "not UTF-8"),
    )


def test_a_cell_beyond_all_measure_is_one_bad_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heedback_service.flow.spreadsheet._FIELD_CHARS", 1000)
    sheet = read(a_file(tmp_path, f"text\n{'x' * 1001}\nnext\n"), ["text"])
    assert [row.cells["text"] for row in sheet.rows] == ["next"]
    assert [(bad.line, "field larger" in bad.why) for bad in sheet.bad] == [(2, True)]


QUOTE = 'a quote too many or too few (within quotes, " is written "")'


@pytest.mark.parametrize("after", ['"fine, too",3', '"",3', "fine,3"])
def test_a_quote_that_is_not_closed_costs_its_own_line_only(tmp_path: Path, after: str) -> None:
    content = f'text,n\n"good\nbye",1\n"my screen is 5 inch,2\n{after}\nlast,4\n'
    sheet = read(a_file(tmp_path, content), ["text"])
    assert [row.cells["n"] for row in sheet.rows] == ["1", "3", "4"]
    assert sheet.bad == (BadRow(4, QUOTE),)


def test_a_quote_within_quotes_costs_its_own_line_only(tmp_path: Path) -> None:
    sheet = read(a_file(tmp_path, 'text,n\n"He said "no" to me",1\n5" screen,2\n"a ""b"" c",3\n'), ["text"])
    assert [row.cells["text"] for row in sheet.rows] == ['5" screen', 'a "b" c']
    assert sheet.bad == (BadRow(2, QUOTE),)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text('a",\n', max_size=6), max_size=6))
def test_quotes_wherever_they_are_end_in_rows_or_are_told(tmp_path: Path, cells: list[str]) -> None:
    """Each line is read or told; and nothing is told of what the csv module writes."""
    file = a_file(tmp_path, "text,n\n" + "\n".join(cells))
    assert all(2 <= bad.line <= 1 + sum(1 + cell.count("\n") for cell in cells) for bad in read(file, ["text"]).bad)
    with file.open("w", newline="") as out:
        csv.writer(out).writerows([("text", "n"), *((cell, "1") for cell in cells)])
    sheet = read(file, ["text"])
    assert ([row.cells["text"] for row in sheet.rows], sheet.bad) == (cells, ())


def test_a_header_may_have_a_line_break_within_quotes(tmp_path: Path) -> None:
    sheet = read(a_file(tmp_path, 'id;"what they said\n(free; text)"\n1;good\n2\n'), ["what they said\n(free; text)"])
    assert sheet.columns == ("id", "what they said\n(free; text)")
    assert [(row.line, row.cells["id"]) for row in sheet.rows] == [(3, "1")]
    assert [bad.line for bad in sheet.bad] == [4]


def test_json_lines(tmp_path: Path) -> None:
    said = [
        '{"text": "one", "more": [1]}',
        "",
        "[1]",
        "{",
        '{"text": "\\ud800"}',
        '{"text": "", "more": [{"\\udc80": 1}]}',
        '{"text": "\\ud83d\\ude00"}',
        "[" * 100_000,
        '{"other": 2}',
    ]
    sheet = read(a_file(tmp_path, "\n".join(said).encode() + b'\n{"text": "\xff"}', "in.jsonl"), ["text"])
    assert sheet.columns == ("text", "more", "other")
    assert [row.cells for row in sheet.rows] == [{"text": "one", "more": [1]}, {"text": "😀"}, {"other": 2}]
    assert [(bad.line, bad.why.split(":")[0]) for bad in sheet.bad] == [
        (3, "not a JSON object"),
        (4, "not JSON"),
        (5, "half of a character, such as \\ud800"),
        (6, "half of a character, such as \\ud800"),
        (8, "not JSON"),
        (10, "not UTF-8"),
    ]


def test_numbers_that_json_has_not_got_are_null(tmp_path: Path) -> None:
    sheet = read(a_file(tmp_path, '{"text": NaN, "n": [-Infinity, 1e999, -1e999, 0.5]}', "in.jsonl"), ["text"])
    assert sheet.rows[0].cells == {"text": None, "n": [None, None, None, 0.5]}


@pytest.mark.parametrize("encoding", ["UTF-8", "utf8", "utf-8-sig", "UTF-16", "utf-16-le", "Latin-1", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    sheet = read(a_file(tmp_path, "text,n\nÆrlig,1\nügt,2\n".encode(encoding)), ["text"], encoding)
    assert [row.cells["text"] for row in sheet.rows] == ["Ærlig", "ügt"]


@pytest.mark.parametrize(
    ("content", "encoding", "says"),
    [
        ("text\nÆ\n".encode("utf-16"), "UTF-8", "it looks like UTF-16: give --encoding UTF-16, or save it as UTF-8"),
        (b"text\n1", "UTF-16", "it is not UTF-16: "),
        (b"text\n1\n", "Klingon", "there is no encoding Klingon; "),
        (b"text\n1\n", "hex", "there is no encoding hex; "),
        (b"text,\xe6\n1,2\n", "UTF-8", "the header is in another encoding: "),
    ],
)
def test_a_file_in_another_encoding_is_refused_in_a_line(
    tmp_path: Path, content: bytes, encoding: str, says: str
) -> None:
    with pytest.raises(UnfitFileError, match=f"^{says}"):
        read(a_file(tmp_path, content), ["text"], encoding)


def test_a_row_in_another_encoding_is_told_by_the_name_it_is_not(tmp_path: Path) -> None:
    sheet = read(a_file(tmp_path, b"text\n\x81\n\xe6\n"), ["text"], "cp1252")
    assert (sheet.bad, sheet.rows[0].cells) == ((BadRow(2, "not cp1252"),), {"text": "æ"})


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        ("a,b\n1,2\n", "in.csv", "there is no column text; there is: a, b"),
        ("", "in.csv", "there is no column text; there is: none"),
        ("text,text\n1,2\n", "in.csv", "two columns have the same name"),
        ('text,"n\n1,2\n', "in.csv", "the header, line 1, cannot be read: a quote too many or too few"),
        ('{"a": 1}', "in.jsonl", "there is no column text; there is: a"),
    ],
)
def test_a_file_without_the_column_is_refused_in_a_line(tmp_path: Path, content: str, name: str, says: str) -> None:
    with pytest.raises(UnfitFileError, match=says):
        read(a_file(tmp_path, content, name), ["text"])


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    rows = [{"text": "a\nb", "n": 1, "more": [{"row": 1}]}, {"text": "", "n": None, "more": []}]
    write(tmp_path / "out.csv", ["text", "n", "more"], rows)
    assert [dict(row.cells) for row in read(tmp_path / "out.csv", ["text"]).rows] == [
        {"text": "a\nb", "n": "1", "more": '[{"row": 1}]'},
        {"text": "", "n": "", "more": "[]"},
    ]
    write(tmp_path / "out.jsonl", ["text", "n", "more"], rows)
    assert list(map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())) == rows


def test_a_file_that_cannot_be_written_whole_leaves_the_former_one(tmp_path: Path) -> None:
    file = a_file(tmp_path, "before", "out.csv")
    with pytest.raises(ValueError, match="not in fieldnames"):
        write(file, ["text"], [{"text": "fine"}, {"other": 1}])
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_a_new_file_is_private_and_one_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    write(tmp_path / "new.csv", ["text"], [])
    assert mode(tmp_path / "new.csv") == 0o600
    for kept in (0o644, 0o640, 0o600):
        file = a_file(tmp_path, "before", "old.csv")
        file.chmod(kept)
        write(file, ["text"], [{"text": "after"}])
        assert (mode(file), file.read_text()) == (kept, "text\nafter\n")


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    there, not_there = a_file(tmp_path / "far", "before", "out.csv"), tmp_path / "far" / "other.csv"
    for link, target in ((tmp_path / "a.csv", there), (tmp_path / "b.csv", not_there)):
        link.symlink_to(target.relative_to(tmp_path))
        write(link, ["text"], [{"text": "after"}])
        assert link.is_symlink()
        assert target.read_text() == "text\nafter\n"
    loop = tmp_path / "loop.csv"
    loop.symlink_to("loop.csv")
    with pytest.raises(OSError, match=r"loop\.csv"):
        write(loop / "out.csv", ["text"], [])


@pytest.mark.parametrize("is_linked", [False, True])
def test_a_pipe_stays_a_pipe_and_gets_the_rows(tmp_path: Path, is_linked: bool) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    name = tmp_path / "link" if is_linked else pipe
    if is_linked:
        name.symlink_to(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()), daemon=True)
    reader.start()
    write(name, ["text"], [{"text": "one"}])
    reader.join(10)
    assert got == ["text\none\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_terminal_stays_one_and_gets_the_rows() -> None:
    """A pseudo-terminal of our own: the only character device that a test may lose."""
    ours, theirs = os.openpty()
    try:
        device = Path(os.ttyname(theirs))
        write(device, ["text"], [{"text": "one"}])
        assert heard(ours, b"one\r\n") == b"text\r\none\r\n"
        assert stat.S_ISCHR(device.stat().st_mode)
    finally:
        os.close(ours)
        os.close(theirs)


def test_stdout_that_is_a_file_gets_the_rows_after_what_it_has(tmp_path: Path) -> None:
    file = a_file(tmp_path, "before\n")
    run = "from pathlib import Path; from heedback_service.flow.spreadsheet import write; "
    # By the number of the descriptor: were this to fail, it would be no name that others need.
    run += "write(Path('/proc/self/fd/1'), ['text'], [{'text': 'one'}])"
    with file.open("a") as out:
        subprocess.run([sys.executable, "-c", run], stdout=out, check=True, timeout=30)
    assert file.read_text() == "before\ntext\none\n"


def test_what_cannot_be_written_is_told_by_the_name_it_was_given(tmp_path: Path) -> None:
    file = tmp_path / "none" / "out.csv"
    with pytest.raises(FileNotFoundError) as told:
        write(file, ["text"], [])
    assert str(told.value) == f"[Errno 2] No such file or directory: '{file}'"
