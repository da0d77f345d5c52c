"""What a driver works on: the folder, the ledger and the frozen space of a search, made anew or opened again."""

import contextlib
import logging
import secrets
import shutil

from tuner.driver.earlier_search import warm_start_fact
from tuner.driver.plan import Plan, Request, plan_new
from tuner.errors import UsageError
from tuner.ledger import Ledger, SqlLedger, default_ledger_url, remove_empty_study
from tuner.redact import without_password
from tuner.runs.folder import SearchFolder, provenance
from tuner.runs.mirror import url_of
from tuner.runs.tracking_place import default_tracking_uri
from tuner.search.warm_start import FACT

_log = logging.getLogger(__name__)


def with_folder(plan: Plan, request: Request) -> Plan:
    """Make the folder of a new search; without a name it takes the next one where another driver was faster."""
    try:
        plan.folder.path.mkdir(parents=True)
    except OSError as error:
        again = plan_new(request) if isinstance(error, FileExistsError) and request.space else plan
        if again.folder != plan.folder:
            return with_folder(again, request)
        raise UsageError(f"The folder {plan.folder.path} cannot be made: {error}. Check --runs-dir.") from error
    return plan


def clear(plan: Plan) -> None:
    """Begin a half-made search anew, for who holds its lock: until then another driver may have made it whole."""
    folder = plan.folder
    if not folder.half_made:
        raise UsageError(
            f"{folder.name} was begun by another driver meanwhile: continue it with --resume {folder.name}."
        )
    begun = folder.begun
    if begun is not None and plan.ledger_url != default_ledger_url(folder.path):
        remove_empty_study(plan.ledger_url, folder.name, begun)
    folder.clear()


def discard(folder: SearchFolder) -> None:
    """Remove what was made for a search that cannot begin."""
    shutil.rmtree(folder.path)
    with contextlib.suppress(OSError):  # the folder of all searches, if this was to be the first
        folder.path.parent.rmdir()


def create(plan: Plan, request: Request, digest: str) -> Ledger:
    """Write the new search into its folder: the ledger, and last the frozen space."""
    facts = {
        "search_id": f"{plan.folder.name}-{secrets.token_hex(4)}",
        "split_digest": digest,
        "space": plan.space.model_dump(mode="json"),
        **provenance(),
    }
    frozen = {"search_id": facts["search_id"], "split_digest": digest, **provenance()}
    if plan.warm_start:
        frozen[FACT] = {earlier.name: len(earlier.trials) for earlier in plan.warm_start}
    # What follows from --runs-dir is not written down, so that the folder can be moved.
    if plan.tracking_uri != default_tracking_uri(request.runs_dir):
        frozen["tracking_uri"] = without_password(plan.tracking_uri)
    if plan.ledger_url != default_ledger_url(plan.folder.path):
        frozen["ledger"] = without_password(plan.ledger_url)
    try:
        if plan.warm_start:
            facts[FACT] = warm_start_fact(plan.warm_start, digest)
        begun = plan.folder.begun if url_of(plan.folder.path) else None
        if begun is not None:  # by another machine, which had this search's lock, as this one has now
            remove_empty_study(plan.ledger_url, plan.folder.name, begun)
        plan.folder.note_begun(facts["search_id"])
        ledger = SqlLedger.create(plan.ledger_url, plan.folder.name, plan.space.objective_list, facts)
        try:
            ledger.take_over()
            plan.folder.freeze(plan.space, frozen)
        except BaseException:
            ledger.delete()
            raise
    except BaseException:
        discard(plan.folder)
        raise
    return ledger


def open_ledger(plan: Plan, digest: str) -> Ledger:
    """Open the ledger of a resumed search and record what may change: trials, resources, where the data lies."""
    ledger = plan.folder.ledger(plan.ledger_url)
    ledger.take_over()
    recorded = ledger.facts()["split_digest"]
    if recorded != digest:
        ledger.close()
        raise UsageError(
            f"The validation images of {plan.space.trial['data_root']} (digest {digest}) are not those that "
            f"{plan.folder.name} began with (digest {recorded}): its trials would not compare. Give the same data "
            "by --data-root, or start a new search."
        )
    _warn_of_other_versions(plan.folder)
    ledger.set_facts({"space": plan.space.model_dump(mode="json")})
    plan.folder.freeze(plan.space, plan.folder.frozen())
    return ledger


def _warn_of_other_versions(folder: SearchFolder) -> None:
    """Say which packages are others than those that a search began with: the last digits may differ from now on."""
    began, now = folder.frozen()["versions"], provenance()["versions"]
    changed = [f"{name} {began[name]} (now {now[name]})" for name in now if began[name] != now[name]]
    if changed:
        _log.warning(
            "%s began with %s. It goes on with what is installed; for trials that compare to the last digit, install "
            "what it began with.",
            folder.name,
            ", ".join(changed),
        )
