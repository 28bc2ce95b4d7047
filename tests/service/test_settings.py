"""Settings are read once, and refused loudly with the name and the reason."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from heedback_service.settings import Settings, SettingsError, read_settings
from heedback_service.store.migrate import open_database


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEEDBACK_SERVER_DATA", str(tmp_path / "data"))


def test_everything_has_a_default_in_the_data_folder(tmp_path: Path) -> None:
    settings = read_settings()
    assert isinstance(settings, Settings)
    assert settings.database_url == f"sqlite:///{tmp_path / 'data' / 'heedback.db'}"
    assert settings.outbox == tmp_path / "data" / "outbox"


@pytest.mark.parametrize("name", ["50%25", "what?now", "a#b %41 ü"])
def test_the_data_folder_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HEEDBACK_SERVER_DATA", str(tmp_path / name))
    open_database(read_settings().database_url).dispose()
    assert {file.name for file in (tmp_path / name).iterdir()} == {"heedback.db", "secret_key"}
    assert [folder.name for folder in tmp_path.iterdir()] == [name]


def test_the_secret_is_made_once_and_only_we_may_read_it(tmp_path: Path) -> None:
    first, second = read_settings(), read_settings()
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 32
    assert stat.S_IMODE((tmp_path / "data" / "secret_key").stat().st_mode) == 0o600


def test_a_value_can_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    file.write_text(f"{'k' * 40}\n")  # as an editor leaves it
    monkeypatch.setenv("HEEDBACK_SERVER_SECRET_KEY_FILE", str(file))
    assert read_settings().secret_key == "k" * 40


def test_a_language_model_is_asked_only_where_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().llm_url is None
    for name, value in (("URL", "http://localhost:11434/v1"), ("MODEL", "small"), ("KEY", "k"), ("BUDGET", "7")):
        monkeypatch.setenv(f"HEEDBACK_SERVER_LLM_{name}", value)
    told = read_settings()
    found = (told.llm_url, told.llm_model, told.llm_key, told.llm_budget)
    assert found == ("http://localhost:11434/v1", "small", "k", 7)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PUBLIK_URL", "http://x", "did you mean HEEDBACK_SERVER_PUBLIC_URL"),
        ("DATABASE_URL", "mysql://x/y", "sqlite:///FILE or postgresql"),
        ("DATABASE_URL", "not a url", "Not a database URL"),
        ("SECRET_KEY", "short", "32"),
        ("PUBLIC_URL", "nowhere", "Not a valid URL"),
        ("DATABASE_URL", "sqlite://", "Name a file"),
        ("DATABASE_URL", "sqlite://host/x.db", "three slashes"),
        ("DATABASE_URL", "sqlite:///file:x?mode=memory", "Name a file by its path"),
        ("DATABASE_URL", "sqlite:///x.db?timeout=abc", "timeout=SECONDS, from 0 to 600"),
        ("DATABASE_URL", "sqlite:///x.db?timeout=-1", "from 0 to 600"),
        ("DATABASE_URL", "sqlite:///x.db?timeout=nan", "from 0 to 600"),
        ("DATABASE_URL", "sqlite:///x.db?timeout=inf", "from 0 to 600"),
        ("DATABASE_URL", "sqlite:///x.db?timeout=1&timeout=2", "one parameter, once"),
        ("DATABASE_URL", "sqlite:///x.db?mode=ro", "takes one parameter"),
        ("DATABASE_URL", "postgresql+psycopg://u@h:port/x", "Not a database URL"),
        ("DATABASE_URL", "postgresql+psycopg://u@h/x?nonsense=1", "nonsense"),
        ("DATA", "", "Name a folder"),
        ("DATA", "x" * 5000, "cannot be used: File name too long"),
        ("DATA", "\udcff", "is no UTF-8"),
        ("OUTBOX", "", "Name a folder"),
        ("OUTBOX", "/dev/null", "/dev/null is not a folder"),
        ("OUTBOX", "/dev/null/outbox", "/dev/null is not a folder"),
        ("DATA", "/dev/null", "is not a folder"),
        ("SMTP_URL", "http://mail", "smtp://"),
        ("SMTP_URL", "smtp://mail:notaport", "smtp://"),
        ("SMTP_URL", "smtp://mail:99999", "smtp://"),
        ("SMTP_URL", "smtp://a..b", "smtp://"),
        ("SMTP_URL", f"smtp://{'a' * 70}.example", "smtp://"),
        ("SMTP_URL", "smtp://u:geh%C3%A9im@mail", "have to be ASCII"),
        ("SMTP_URL", "smtp://ü@mail", "have to be ASCII"),
        ("MAIL_FROM", "nobody", "Not an e-mail address"),
        ("MAIL_FROM", "a b", "Not an e-mail address"),
        *(
            ("MAIL_FROM", text, "Not an e-mail address, or more than one")
            for text in ("a@[b", "A <a@b>, <", "a@b, c@d", "a b@c", "a@b.c..d", 'a@b"', "a@b.")
        ),
        ("SETTLE_SECONDS", "soon", "Not a valid number"),
        ("LOG", "xml", "Must be one of: text, json"),
        ("METRICS_TOKEN", "guess me", "16"),
        ("METRICS_TOKEN", "t" * 32 + "ö", "letters of ASCII"),
        ("METRICS_TOKEN", " " + "t" * 32, "letters of ASCII"),
        *((key, text, "letters of ASCII") for key in ("EMBEDDINGS_KEY", "LLM_KEY") for text in ("schlüssel", "a\nb")),
        ("EMBEDDINGS_URL", "nowhere", "Not a valid URL"),
        ("LLM_URL", "nowhere", "Not a valid URL"),
        ("LLM_BUDGET", "1001", "1000"),
        ("LLM_URL", "https://llm.example/v1", "LLM_MODEL: name the model"),
        ("MAIL_FROM", "a@b.org\nBcc: c@d.org", "HEEDBACK_SERVER_MAIL_FROM"),
        ("SECRET_KEY_FILE", "/no/such/file", "SECRET_KEY_FILE: cannot read /no/such/file: No such file"),
        ("SMTP_URL_FILE", "x" * 5000, "SMTP_URL_FILE: cannot read x*: File name too long"),
        ("SETTLE_SECONDS_FILE", sys.executable, "SETTLE_SECONDS_FILE: cannot read .*: it is no text"),
        ("PUBLIC_URL_FILE", "/", "PUBLIC_URL_FILE: cannot read /: Is a directory"),
    ],
)
def test_a_bad_setting_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str) -> None:
    monkeypatch.setenv(f"HEEDBACK_SERVER_{name}", value)
    with pytest.raises(SettingsError, match=reason) as refusal:
        read_settings()
    assert f"HEEDBACK_SERVER_{name.removesuffix('_FILE')}" in str(refusal.value)


@pytest.mark.parametrize("text", ["a@localhost", "Heedback <h@acme.example>", '"Acme, Ltd." <h@[127.0.0.1]>'])
def test_a_sender_may_have_a_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HEEDBACK_SERVER_MAIL_FROM", text)
    assert read_settings().mail_from == text


def test_a_mail_server_is_named_with_what_smtp_carries(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("smtp://bücher.example", "smtps://al%20ice:p%40ss@[::1]:465", "smtp+starttls://mail.example.com."):
        monkeypatch.setenv("HEEDBACK_SERVER_SMTP_URL", url)
        assert read_settings().smtp_url == url


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SMTP", "; did you mean HEEDBACK_SERVER_SMTP_URL?"),
        ("SECRETKEY_FILE", "; did you mean HEEDBACK_SERVER_SECRET_KEY_FILE?"),
        ("database", "; did you mean HEEDBACK_SERVER_DATABASE_URL?"),
        ("PORT", ""),
        ("HOST", ""),
        ("DEBUG", ""),
        ("WORKERS", ""),
    ],
)
def test_a_name_is_suggested_only_where_it_is_like_one(monkeypatch: pytest.MonkeyPatch, name: str, hint: str) -> None:
    monkeypatch.setenv(f"HEEDBACK_SERVER_{name}", "8700")
    with pytest.raises(SettingsError) as refusal:
        read_settings()
    assert str(refusal.value) == f"HEEDBACK_SERVER_{name} is not a setting{hint}"


def test_a_data_folder_with_nul_in_its_name_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "name").write_text("da\0ta")
    monkeypatch.delenv("HEEDBACK_SERVER_DATA")
    monkeypatch.setenv("HEEDBACK_SERVER_DATA_FILE", str(tmp_path / "name"))
    with pytest.raises(SettingsError, match="HEEDBACK_SERVER_DATA: Name a folder"):
        read_settings()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///x.db?timeout=0.5",
        "sqlite:////a/b.db",
        "postgresql+psycopg://u:p@h:1/x?connect_timeout=3&sslmode=require",
        "postgresql+psycopg://u@/x?host=a&host=b",
    ],
)
def test_a_database_is_named_with_what_its_driver_takes(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HEEDBACK_SERVER_DATABASE_URL", url)
    assert read_settings().database_url == url


def test_a_secret_that_cannot_be_read_or_is_cut_short_is_refused_by_its_own_name(tmp_path: Path) -> None:
    file = tmp_path / "data" / "secret_key"
    read_settings()
    for content in (b"", b"short", b"\xff" * 40):
        file.write_bytes(content)
        with pytest.raises(SettingsError, match=f"^HEEDBACK_SERVER_SECRET_KEY: .*{file}"):
            read_settings()
    file.unlink()
    file.mkdir()
    with pytest.raises(SettingsError, match=f"cannot make or read {file}: Is a directory"):
        read_settings()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HEEDBACK_SERVER_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(SettingsError, match="file"):
        read_settings()
