"""The folder of mails."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path

from heedback_service.channels.email import Mail, Sent, TryLater, build
from heedback_service.channels.outbox import put
from support import NOW


def a_mail(subject: str) -> Mail:
    return Mail("<1@a.example>", NOW, "heedback@a.example", "alice@example.com", subject, "text\n", "<p>html</p>")


def test_a_mail_becomes_a_file_that_mail_readers_open(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "outbox"
    assert put(build(a_mail("Größe")), folder, "acme-weekly-2026-W47-abc") == Sent()
    (file,) = folder.iterdir()
    assert file.name == "acme-weekly-2026-W47-abc.eml"
    content = file.read_bytes()
    assert message_from_bytes(content, policy=policy.default)["Subject"] == "Größe"
    assert content.count(b"\n") == content.count(b"\r\n")


def test_the_same_mail_again_replaces_its_file(tmp_path: Path) -> None:
    for subject in ("first", "second"):
        put(build(a_mail(subject)), tmp_path, "same")
    (file,) = tmp_path.iterdir()
    assert b"Subject: second" in file.read_bytes()


def test_a_name_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    put(build(a_mail("x")), tmp_path / "outbox", "../../etc/passwd")
    assert [file.name for file in (tmp_path / "outbox").iterdir()] == [".._.._etc_passwd.eml"]


def test_a_folder_that_cannot_be_written_is_a_reason_to_try_later(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    assert isinstance(put(build(a_mail("x")), in_the_way / "outbox", "name"), TryLater)
