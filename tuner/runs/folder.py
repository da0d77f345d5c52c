"""Searches on disk: their folders and their frozen spaces."""

import contextlib
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from training.yaml_text import YamlTextError, format_yaml, read_yaml
from tuner.database_url import absolute, require_utf8, url_of_file
from tuner.errors import UsageError
from tuner.ledger import LEDGER_FILE, SqlLedger, default_ledger_url
from tuner.ledger.renaming import recorded_name
from tuner.redact import has_masked_password, without_password
from tuner.runs.lock import LOCK_FILE
from tuner.runs.mirror import download, remove, runs_flag, upload, url_of, write_whole, writing_to
from tuner.runs.names import is_name
from tuner.space import Space, space_from_mapping
from tuner.space.space_file import FROZEN_KEY

_CREATION_MARK = "search_id.tmp"
_FIRST_FILES = {LOCK_FILE, LEDGER_FILE, f"{LEDGER_FILE}-wal", f"{LEDGER_FILE}-shm"}
# The kind of each fact beside a frozen space, first of those that every search has.
_FROZEN_FACTS = {"search_id": str, "created": str, "versions": dict}
_OTHER_FACTS = {"ledger": str, "tracking_uri": str, "plug_ins": dict, "commit": str}


@dataclass(frozen=True)
class SearchFolder:
    """The folder `runs/NAME` of one search."""

    path: Path

    @property
    def name(self) -> str:
        """The search's name."""
        return self.path.name

    @property
    def space_file(self) -> Path:
        """The frozen space with the versions. It is written last, so a folder that has it is complete."""
        return self.path / "space.yaml"

    @property
    def is_incomplete(self) -> bool:
        """Whether a driver died while it created this search: the folder has only its first files, and no trial."""
        if self.space_file.exists() or not self.path.is_dir():
            return False
        is_first = all(path.name in _FIRST_FILES or path.suffix == ".tmp" for path in self.path.iterdir())
        return is_first and not _holds_trials(self.path / LEDGER_FILE)

    @property
    def creation_mark(self) -> str | None:
        """The id of an incomplete search. Its ledger has the same id, if it was created."""
        file = download(self.path / _CREATION_MARK)
        return file.read_text(encoding="utf-8") if file.is_file() else None

    def write_creation_mark(self, search_id: str) -> None:
        """Write the id of the search before its ledger is created; `freeze` removes it."""
        with writing_to(self.path):
            (self.path / _CREATION_MARK).write_text(search_id, encoding="utf-8")
        upload(self.path / _CREATION_MARK)

    def clear(self) -> None:
        """Remove the files of an incomplete search; call it only while holding the lock of the search."""
        for path in self.path.iterdir():
            if path.name != LOCK_FILE:
                path.unlink()

    def frozen(self) -> dict[str, Any]:
        """Return the facts beside the space: search id, date, versions, and the ledger if it is not in the folder.

        Raises UsageError if one is absent that every search has, or if one has a value that none can have.
        """
        found = self._mapping().get(FROZEN_KEY)
        facts = dict(found) if isinstance(found, dict) else {}
        absent = [fact for fact in _FROZEN_FACTS if fact not in facts]
        if absent:
            fault = f"has no {' and no '.join(absent)} under `{FROZEN_KEY}`: restore it from a backup"
            raise UsageError(f"{self.space_file} {fault}.", (self.space_file, *absent))
        for fact, kind in (_FROZEN_FACTS | _OTHER_FACTS).items():
            if fact in facts and not isinstance(facts[fact], kind):
                fault = f"has {fact}: {facts[fact]!r} under `{FROZEN_KEY}`: restore it from a backup"
                raise UsageError(f"{self.space_file} {fault}.", (self.space_file, fact))
        return facts

    @property
    def classes(self) -> int | None:
        """The number of classes of the data; None if it cannot be read, which must not end a search that runs."""
        return self._count("classes")

    @property
    def validation_images(self) -> int | None:
        """The number of images by which trials are compared; None if it cannot be read."""
        return self._count("validation_images")

    def _count(self, fact: str) -> int | None:
        with contextlib.suppress(UsageError):
            found = self.frozen().get(fact)
            return found if isinstance(found, int) and found > 0 else None
        return None

    def space(self) -> Space:
        """Return the frozen space."""
        mapping = self._mapping()
        mapping.pop(FROZEN_KEY, None)
        return space_from_mapping(mapping, str(self.space_file))

    def freeze(self, space: Space, facts: Mapping[str, Any]) -> None:
        """Write the space and the facts in one step."""
        mapping = {**space.model_dump(mode="json"), FROZEN_KEY: dict(facts)}
        header = f"# The space of the search {self.name}, as it runs. `--space` accepts this file too.\n"
        text = header + format_yaml(mapping)
        with writing_to(self.path):
            write_whole(self.space_file, text.encode())
        if (self.path / _CREATION_MARK).exists():
            remove(self.path / _CREATION_MARK)

    def ledger(self, url: str | None = None) -> SqlLedger:
        """Open the ledger of the search: at `url`, or where the frozen space says, or in the folder.

        Raise UsageError if there is none, or if it belongs to another search of this name.
        """
        address, expected = self.ledger_url(url), self.frozen()["search_id"]
        try:
            ledger = SqlLedger.open(address, self.name)
        except UsageError as error:
            if error.subject == self.name and (old := recorded_name(address, expected)) is not None:
                raise self._renamed(old) from error
            raise
        found = ledger.facts().get("search_id")
        if found != expected:
            ledger.close()
            if (old := recorded_name(address, expected)) is not None:
                raise self._renamed(old)
            raise UsageError(
                f"The ledger {without_password(ledger.url)} holds another search named {self.name}: its search_id is "
                f"{found}, and {self.space_file} has {expected}. Use the right --ledger, or the right --runs-dir.",
                (found, expected),
            )
        return ledger

    def require_original(self, old: str) -> None:
        """Raise UsageError if this folder is a copy of the folder `old`: both would write one run in MLflow."""
        other = SearchFolder(self.path.with_name(old))
        if other.path == self.path or not other.space_file.is_file():
            return
        if other.frozen()["search_id"] == self.frozen()["search_id"]:
            raise UsageError(
                f"{self.path} is a copy of {other.path}, and a search has one folder: remove one of them. `tuner run "
                f"--warm-start {old}{runs_flag(self.path.parent)}` starts a new search that learns from it.",
                old,
            )

    def _renamed(self, old: str) -> UsageError:
        """Return the error of a folder that has another name than its search in the ledger."""
        self.require_original(old)
        way = f"keep the new name with `tuner adopt {self.name}{runs_flag(self.path.parent)}`"
        if not is_name(self.name):
            way = "give it a name of letters, digits and . _ -"
        fault = f"{self.path}, or its study in the ledger, was renamed: the ledger knows the search as {old}"
        return UsageError(f"{fault}. Rename the folder to {old}, or {way}.", (self.name, old))

    def if_shared(self, url: str | None) -> str | None:
        """Return `url`, the ledger of many searches, if this search can be in it: its ledger is not its own file."""
        return url if self.frozen().get("ledger") else None

    def ledger_url(self, given: str | None = None) -> str:
        """Return the URL of the ledger: `given`, or where the frozen space says, or the file in the folder."""
        known = self._known_place("ledger", "its ledger", "--ledger", "TUNER_LEDGER", given)
        return absolute(known or default_ledger_url(self.path))

    def tracking_uri(self, given: str | None = None) -> str:
        """Return MLflow's address: `given`, or where the frozen space says, or the file beside the searches."""
        known = self._known_place("tracking_uri", "its MLflow", "--tracking-uri", "MLFLOW_TRACKING_URI", given)
        return absolute(known or default_tracking_uri(self.path.parent))

    def _known_place(self, fact: str, what: str, option: str, variable: str, given: str | None) -> str | None:
        """Return `given`, or the URL that the frozen space records as `fact`, or None.

        A recorded URL has no password. If it needs one, or if the search is in object storage without a URL, raise
        UsageError that asks for the URL by `option` or `variable`.
        """
        known: str | None = given or (self.frozen().get(fact) if self.space_file.exists() else None)
        way = f"as {option} or in {variable}"
        if not given and known and has_masked_password(known):
            raise UsageError(f"{self.name} has {what} at {known}: give the URL with its password {way}.", option)
        if not known and url_of(self.path):
            place = f"{url_of(self.path)} is in object storage, which cannot hold a database"
            raise UsageError(f"{place}: give the URL of {what}, on a server, {way}.", option)
        return known

    def _mapping(self) -> dict[str, Any]:
        require_utf8(self.path, "The folder of the search")
        if self.space_file.is_fifo():  # a named pipe would wait for a writer
            raise UsageError(f"{self.space_file} is no file; restore it from a backup.", self.space_file)
        try:
            mapping = read_yaml(self.space_file)
        except YamlTextError as error:
            raise UsageError(f"{self.space_file}: {error}; restore it from a backup.", self.space_file) from error
        if not isinstance(mapping, dict):
            raise UsageError(f"{self.space_file} holds no space; restore it from a backup.", self.space_file)
        return mapping


def _holds_trials(file: Path) -> bool:
    """Return whether the file of a ledger has trials; an unreadable file may have some."""
    if not file.is_file():
        return False
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as connection:
            return bool(connection.execute("SELECT count(*) FROM trials").fetchone() != (0,))
    except sqlite3.OperationalError as error:
        return "no such table" not in str(error)
    except sqlite3.DatabaseError:
        return True


def recorded_space(ledger: SqlLedger) -> Space:
    """Return the space of the trials in a ledger; raise UsageError if this release cannot read it."""
    try:
        return Space.model_validate(ledger.facts()["space"])
    except (KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        what = f"The space of {ledger.search} on record cannot be read ({reason})"
        raise UsageError(f"{what}: use the release that wrote it.", ledger.search) from error


def default_tracking_uri(runs_dir: Path) -> str:
    """Return the URI of MLflow's SQLite store beside the searches."""
    file = runs_dir.resolve() / "mlflow.db"
    url = url_of_file(file)
    # MLflow makes the folder of a `sqlite:///` URL, but under its escaped name: it leaves the long form alone.
    return url if url.endswith(f"///{file}") else url.replace("sqlite:", "sqlite+pysqlite:", 1)
