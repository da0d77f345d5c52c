"""What a driver works on: the folder, the ledger and the frozen space of a search, new or on record."""

import contextlib
import logging
import platform
import secrets
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tuner.driver.plan import Plan, Request, plan_search, warm_start_fact
from tuner.driver.preflight import CheckedData
from tuner.errors import UsageError
from tuner.ledger import Ledger, SqlLedger, default_ledger_url, remove_empty_study
from tuner.redact import without_password
from tuner.runs.folder import SearchFolder, default_tracking_uri
from tuner.runs.lock import is_driven
from tuner.runs.mirror import url_of
from tuner.runs.plug_ins import plug_ins_fact
from tuner.search.warm_start import FACT

_PACKAGES = ("torch", "torchvision", "ray", "optuna", "mlflow", "numpy")

_log = logging.getLogger(__name__)


def make_folder(plan: Plan, request: Request) -> tuple[Plan, bool]:
    """Make the folder of a new search. Return the plan, and whether this driver made its folder.

    If another driver has made a folder of this name meanwhile, a search without a name of its own takes the next one,
    and --resume-or-start continues the search of the other driver.
    """
    try:
        plan.folder.path.mkdir(parents=True)
    except OSError as error:
        again = plan_search(request) if isinstance(error, FileExistsError) and request.space else plan
        if again.folder != plan.folder:
            return make_folder(again, request)
        if request.resume_or_start and (again.is_resume or again.folder.is_incomplete):
            return again, False
        path = plan.folder.path
        raise UsageError(f"The folder {path} cannot be made: {error}. Check --runs-dir.", path) from error
    return plan, True


def settle_incomplete(plan: Plan, request: Request) -> Plan:
    """Return the plan for a folder that another driver made. The caller must hold the lock of the search.

    If that driver died while it created the search, its files are removed. If it created the search before the caller
    got the lock, --resume-or-start continues it; raise UsageError without that option.
    """
    folder = plan.folder
    if not folder.is_incomplete:
        if request.resume_or_start:
            return plan_search(request)
        way = f"continue it with --resume {folder.name}"
        raise UsageError(f"Another driver has started {folder.name} meanwhile: {way}.", folder.name)
    search_id = folder.creation_mark
    if search_id is not None and plan.ledger_url != default_ledger_url(folder.path):
        remove_empty_study(plan.ledger_url, folder.name, search_id)
    folder.clear()
    return plan


def discard_unused(plan: Plan) -> None:
    """Remove the folder that this driver made, if no search has begun in it and no other driver holds its lock."""
    folder = plan.folder
    if folder.path.exists() and not folder.space_file.exists() and not is_driven(folder.path, plan.ledger_url):
        _discard(folder)


def _discard(folder: SearchFolder) -> None:
    shutil.rmtree(folder.path)
    with contextlib.suppress(OSError):  # remove the folder of all searches too, if it is empty
        folder.path.parent.rmdir()


def create_search(plan: Plan, request: Request, data: CheckedData) -> Ledger:
    """Write a new search into its folder, first the ledger and last the frozen space; return the open ledger.

    If anything fails, nothing is left.
    """
    search_id = f"{plan.folder.name}-{secrets.token_hex(4)}"
    frozen = {"search_id": search_id, "split_digest": data.split_digest, **provenance()}
    frozen |= {"classes": data.classes, "validation_images": data.validation_images, **plug_ins_fact(plan.plug_ins)}
    facts = {**frozen, "space": plan.space.model_dump(mode="json")}
    if plan.warm_start:
        frozen[FACT] = {earlier.name: len(earlier.trials) for earlier in plan.warm_start}
    # What follows from --runs-dir is not written down, so that the folder can be moved.
    if plan.tracking_uri != default_tracking_uri(request.runs_dir):
        frozen["tracking_uri"] = without_password(plan.tracking_uri)
    if plan.ledger_url != default_ledger_url(plan.folder.path):
        frozen["ledger"] = without_password(plan.ledger_url)
    with contextlib.ExitStack() as on_error:
        on_error.callback(_discard, plan.folder)
        if plan.warm_start:
            facts[FACT] = warm_start_fact(plan.warm_start, data.split_digest)
        if url_of(plan.folder.path) and (other_id := plan.folder.creation_mark) is not None:
            # Another machine died while it created this search. It held the lock, which this driver holds now.
            remove_empty_study(plan.ledger_url, plan.folder.name, other_id)
        plan.folder.write_creation_mark(search_id)
        ledger = SqlLedger.create(plan.ledger_url, plan.folder.name, plan.space.objective_list, facts)
        on_error.callback(ledger.delete)
        ledger.take_over()
        plan.folder.freeze(plan.space, frozen)
        on_error.pop_all()
    return ledger


def reopen_search(plan: Plan, data: CheckedData) -> Ledger:
    """Open the ledger of a search on record, and write down what may change: trials, resources, the place of the data.

    Raise UsageError if the search began with other validation images than those of `data`.
    """
    ledger = plan.folder.ledger(plan.ledger_url)
    ledger.take_over()
    recorded, found = ledger.facts()["split_digest"], data.split_digest
    if recorded != found:
        ledger.close()
        raise UsageError(
            f"The validation images of {plan.space.trial['data_root']} (digest {found}) are not those that "
            f"{plan.folder.name} began with (digest {recorded}), so old and new trials could not be compared. Give the "
            "same data with --data-root, or start a new search.",
            "--data-root",
        )
    _warn_of_other_versions(plan.folder)
    ledger.set_facts({"space": plan.space.model_dump(mode="json")})
    plan.folder.freeze(plan.space, plan.folder.frozen() | plug_ins_fact(plan.plug_ins))
    return ledger


def _warn_of_other_versions(folder: SearchFolder) -> None:
    """Warn if packages have other versions than when the search began: the last digits of results may differ."""
    before, now = folder.frozen()["versions"], provenance()["versions"]
    changed = [f"{name} {before.get(name)} (now {now[name]})" for name in now if before.get(name) != now[name]]
    if changed:
        _log.warning(
            "%s began with other versions: %s. It continues with the present ones. Install the old ones if the trials "
            "have to agree to the last digit.",
            folder.name,
            ", ".join(changed),
        )


def provenance() -> dict[str, Any]:
    """Return the date and the versions with which a search starts."""
    versions = {"python": platform.python_version(), "robust-tuner": _version("robust-tuner")}
    versions |= {package: _version(package) for package in _PACKAGES}
    commit = _git_commit(Path(__file__))
    found = {"commit": commit} if commit else {}
    return {"created": datetime.now(UTC).isoformat(timespec="seconds"), "versions": versions, **found}


def _git_commit(file: Path) -> str | None:
    """Return the commit of the checkout that a file belongs to; None for an installed package, or without git.

    A package in a virtual environment inside another repository is a file that this repository does not track.
    """
    git = shutil.which("git")
    if git is None:
        return None
    for asked in (["ls-files", "--error-unmatch", file.name], ["rev-parse", "HEAD"]):
        command = [git, "-C", str(file.parent), *asked]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
        if answer.returncode != 0:
            return None
    return answer.stdout.strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
