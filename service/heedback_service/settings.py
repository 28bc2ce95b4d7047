"""Settings of the service: read once at start from `HEEDBACK_SERVER_*`, frozen, and refused loudly when wrong."""

from __future__ import annotations

import contextlib
import difflib
import os
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit

from environs import EnvError, EnvValidationError, FileAwareEnv
from marshmallow import ValidationError, validate
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from heedback_service.logs import Style
from heedback_service.placing import place

PREFIX: Final = "HEEDBACK_SERVER_"
NAMES: Final = (
    *("DATA", "DATABASE_URL", "SECRET_KEY", "PUBLIC_URL", "OUTBOX", "MAIL_FROM", "SMTP_URL", "SETTLE_SECONDS"),
    *("LOG", "METRICS_TOKEN", "EMBEDDINGS_URL", "EMBEDDINGS_MODEL", "EMBEDDINGS_KEY"),
    *("LLM_URL", "LLM_MODEL", "LLM_KEY", "LLM_BUDGET"),
)
_FILE: Final = "_FILE"  # after a name: the file that holds the value
_PRINTABLE: Final = set(string.printable[:-5])  # nothing that could start a second header line
_SECRET_LENGTH: Final = 32
_MOST_PATIENCE: Final = 600  # seconds
_CLOSE: Final = 0.65  # of 1, without the prefix that all share: what was probably meant


class SettingsError(ValueError):
    """A setting is unknown or unusable; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a service process needs to know. Each field is the environment name in lower case.

    Attributes:
        data: folder for the SQLite file, the secret and the outbox; made when missing.
        database_url: SQLAlchemy URL; by default `heedback.db` in `data`.
        secret_key: signs session cookies; by default made once and kept in `data` (mode 0600).
        public_url: where people reach the pages, for links in mail; None: links are left out of digests' mail.
        outbox: folder that gets every mail as an `.eml` file.
        mail_from: the sender's address.
        smtp_url: `smtp://`, `smtp+starttls://` or `smtps://[user:password@]host[:port]`; None: the outbox only.
        settle_seconds: how long feedback is left alone after its last change before triage reads it, because a click
            is often followed by its details.
        log: how the log on stderr is written: `text` for people, `json` a line for machines.
        metrics_token: opens `/metrics`, at least 16 characters of ASCII; None: there is no such page, and nothing is
            counted.
        embeddings_url: what `/embeddings` is appended to, of an endpoint that speaks as OpenAI's does; None: themes are
            found without it, and no text leaves the service.
        embeddings_model: the model that it is asked for; without a URL, the name or folder of a model of the package
            sentence-transformers. None, without a URL: themes are found by words alone.
        embeddings_key: its bearer token, in ASCII; None for an endpoint that wants none.
        llm_url: what `/chat/completions` is appended to, of an endpoint that speaks as OpenAI's does; None: no language
            model is asked for anything.
        llm_model: the model that it is asked for; never None where there is a URL.
        llm_key: its bearer token, in ASCII; None for an endpoint that wants none.
        llm_budget: questions that it is asked in an hour, in each project: 0 to 1000.
    """

    data: Path
    database_url: str
    secret_key: str
    public_url: str | None
    outbox: Path
    mail_from: str
    smtp_url: str | None
    settle_seconds: float
    log: Style = "text"
    metrics_token: str | None = None
    embeddings_url: str | None = None
    embeddings_model: str | None = None
    embeddings_key: str | None = None
    llm_url: str | None = None
    llm_model: str | None = None
    llm_key: str | None = None
    llm_budget: int = 20


def read_settings() -> Settings:
    """The settings in the environment of this process.

    A value can come from a file: `HEEDBACK_SERVER_SECRET_KEY_FILE=/run/secrets/key` stands for its content,
    without the space around it: editors and `echo` end a file with a newline.

    Raises:
        SettingsError: an unknown name with our prefix, a bad value, or a file or folder that cannot be used.
    """
    _refuse_unknown()
    try:
        return _read(_Env(prefix=PREFIX, eager=False, strip_whitespace=True))
    except EnvValidationError as error:
        said = cast("Mapping[str, list[str]]", error.error_messages)
        raise SettingsError("; ".join(f"{name}: {' '.join(why)}" for name, why in said.items())) from error
    except (EnvError, OSError, ValueError) as error:
        raise SettingsError(str(error)) from error


class _Env(FileAwareEnv):
    def _get_value(self, env_key: str, default: Any) -> Any:
        """The value, which `env_key` has or the file that `env_key`_FILE names. Whatever keeps us from that file is
        told with the name: environs does so for some errors only."""
        try:
            return super()._get_value(env_key, default)
        except (OSError, ValueError) as error:
            cause = error.__cause__ or error
            why = cause.strerror if isinstance(cause, OSError) else "it is no text in UTF-8"
            name = f"{env_key}{self.file_suffix}"
            raise SettingsError(f"{name}: cannot read {os.environ.get(name)}: {why}") from error


def _read(env: _Env) -> Settings:
    data: Path = env.path("DATA", Path(".heedback"), validate=_folder)
    database_url: str | None = env.str("DATABASE_URL", None, validate=_database)
    secret_key: str | None = env.str("SECRET_KEY", None, validate=validate.Length(min=_SECRET_LENGTH))
    public_url: str | None = env.str("PUBLIC_URL", None, validate=validate.URL(require_tld=False))
    outbox: Path | None = env.path("OUTBOX", None, validate=_folder)
    mail_from: str = env.str("MAIL_FROM", "heedback@localhost", validate=_address)
    smtp_url: str | None = env.str("SMTP_URL", None, validate=_smtp)
    settle_seconds: float = env.float("SETTLE_SECONDS", 30.0, validate=validate.Range(0, 3600))
    log = cast("Style", env.str("LOG", "text", validate=validate.OneOf(["text", "json"])))
    metrics_token: str | None = env.str("METRICS_TOKEN", None, validate=[validate.Length(min=16), _token])
    embeddings_url: str | None = env.str("EMBEDDINGS_URL", None, validate=validate.URL(require_tld=False))
    embeddings_model: str | None = env.str("EMBEDDINGS_MODEL", None, validate=validate.Length(min=1))
    embeddings_key: str | None = env.str("EMBEDDINGS_KEY", None, validate=_token)
    llm_url: str | None = env.str("LLM_URL", None, validate=validate.URL(require_tld=False))
    llm_model: str | None = env.str("LLM_MODEL", None, validate=validate.Length(min=1))
    llm_key: str | None = env.str("LLM_KEY", None, validate=_token)
    llm_budget: int = env.int("LLM_BUDGET", 20, validate=validate.Range(0, 1000))
    env.seal()
    if llm_url and not llm_model:
        raise SettingsError(f"{PREFIX}LLM_MODEL: name the model that {PREFIX}LLM_URL is asked for.")
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"{PREFIX}DATA: cannot use the folder {data}: {error.strerror}") from error
    return Settings(
        data=data,
        database_url=database_url or _of_file(data.absolute() / "heedback.db"),
        secret_key=secret_key or _kept_secret(data / "secret_key"),
        public_url=public_url.rstrip("/") if public_url else None,
        outbox=outbox or data / "outbox",
        mail_from=mail_from,
        smtp_url=smtp_url,
        settle_seconds=settle_seconds,
        log=log,
        metrics_token=metrics_token,
        embeddings_url=embeddings_url,
        embeddings_model=embeddings_model,
        embeddings_key=embeddings_key,
        llm_url=llm_url,
        llm_model=llm_model,
        llm_key=llm_key,
        llm_budget=llm_budget,
    )


def _refuse_unknown() -> None:
    known = {PREFIX + name + suffix for name in NAMES for suffix in ("", _FILE)}
    for name in os.environ:
        if name.startswith(PREFIX) and name not in known:
            bare, suffix = name.removeprefix(PREFIX).upper(), _FILE if name.endswith(_FILE) else ""
            close = difflib.get_close_matches(bare.removesuffix(_FILE), NAMES, n=1, cutoff=_CLOSE)
            hint = f"; did you mean {PREFIX}{close[0]}{suffix}?" if close else ""
            raise SettingsError(f"{name} is not a setting{hint}")


def _folder(value: Path) -> None:
    """A folder, or what can become one: the nearest that there is above it is one."""
    if not value.name or "\0" in str(value):
        raise ValidationError("Name a folder.")
    try:
        str(value).encode()  # as the URL of a database in it has to be
        there = next(path for path in (value, *value.parents) if path.exists())
    except UnicodeEncodeError as error:
        raise ValidationError("The name of the folder is no UTF-8.") from error
    except OSError as error:
        raise ValidationError(f"The folder {value} cannot be used: {error.strerror}.") from error
    if not there.is_dir():
        raise ValidationError(f"{there} is not a folder.")


def _token(value: str) -> None:
    if not (value.isascii() and value.isprintable() and value == value.strip()):
        raise ValidationError("Use letters of ASCII, digits and signs: a header carries nothing else as it is.")


def _database(value: str) -> None:
    try:
        url = make_url(value)
    except (ArgumentError, ValueError) as error:  # the second for a port that is none
        raise ValidationError("Not a database URL.") from error
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise ValidationError("Use sqlite:///FILE or postgresql+psycopg://…")
    if url.drivername == "sqlite":
        _sqlite(url)
    else:
        _postgresql(url)


def _sqlite(url: URL) -> None:
    if url.host or url.username:
        raise ValidationError("Use sqlite:///FILE, with three slashes, or four before an absolute path.")
    if url.database in (None, "", ":memory:"):
        raise ValidationError("Name a file: a database in memory would be gone with the process.")
    if str(url.database).startswith("file:"):
        raise ValidationError("Name a file by its path, not by a URI of its own.")
    try:
        fits = not set(url.query) - {"timeout"} and 0 <= float(str(url.query.get("timeout", 0))) <= _MOST_PATIENCE
    except ValueError:
        fits = False
    if not fits:
        most = f"{_MOST_PATIENCE:,}"
        raise ValidationError(f"An SQLite file takes one parameter, once: ?timeout=SECONDS, from 0 to {most}.")


def _postgresql(url: URL) -> None:
    if find_spec("psycopg") is None:
        raise ValidationError("PostgreSQL needs a driver: pip install 'heedback[postgres]'.")
    from psycopg import ProgrammingError
    from psycopg.conninfo import make_conninfo

    try:
        make_conninfo(**dict.fromkeys(url.query, "1"))
    except ProgrammingError as error:
        raise ValidationError(f"PostgreSQL's driver does not take these parameters: {error}.") from error


def _address(value: str) -> None:
    from heedback_service.channels.email import is_one_address  # and SMTP, for those who set this

    if set(value) - _PRINTABLE or not is_one_address(value):
        raise ValidationError("Not an e-mail address, or more than one.")


def _smtp(value: str) -> None:
    try:
        parts = urlsplit(value)
        fits = parts.scheme in ("smtp", "smtp+starttls", "smtps") and parts.hostname and parts.port != 0
        (parts.hostname or "").encode("idna")  # as the socket will have it
    except ValueError:  # a port or a name that is none
        fits = False
    if not fits:
        raise ValidationError("Use smtp://, smtp+starttls:// or smtps://[user:password@]host[:port].")
    if not unquote((parts.username or "") + (parts.password or "")).isascii():
        raise ValidationError("The user and the password have to be ASCII: they are sent in nothing else.")


def _of_file(database: Path) -> str:
    """Its URL, in which some signs of a name mean something else."""
    return URL.create("sqlite", database=str(database)).render_as_string()


def _kept_secret(file: Path) -> str:
    try:
        if not file.exists():
            _make_secret(file)
        secret = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it holds something else"
        raise SettingsError(f"{PREFIX}SECRET_KEY: cannot make or read {file}: {why}") from error
    if len(secret) < _SECRET_LENGTH:
        raise SettingsError(
            f"{PREFIX}SECRET_KEY: {file} is cut short; bring it back, or remove it: people sign in anew"
        )
    return secret


def _make_secret(file: Path) -> None:
    mine = file.with_name(f"{file.name}.{secrets.token_hex(4)}")  # in two containers both may be process 1
    mine.touch(mode=0o600, exist_ok=False)
    try:
        mine.write_text(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):  # of two processes starting at once, one is first, whole
            place(mine, file)
    finally:
        mine.unlink(missing_ok=True)
