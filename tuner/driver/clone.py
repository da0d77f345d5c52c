"""`tuner clone`: write a new search over the space of another one, with changes, to be started later."""

from tuner.confirm.presentation import presentation_of
from tuner.driver.create import create_search, discard_unused, make_folder
from tuner.driver.environment import Environment
from tuner.driver.plan import Plan, Request, plan_new
from tuner.errors import UsageError


def clone_search(request: Request, environment: Environment | None = None) -> Plan:
    """Write a new search without trials on disk, and return what was planned; a resume starts it.

    The request's space is the file of another search. Raise UsageError if the space, the name or the data are unfit.
    """
    environment = environment or Environment()
    plan = plan_new(request)
    confirms = presentation_of(plan.space).confirms
    if confirms is not None:
        way = f"`tuner confirm {confirms} --name NAME` makes another one"
        raise UsageError(f"A confirmation cannot be cloned: {way}.", confirms)
    data = environment.check_data(plan.space)
    plan, made_folder = make_folder(plan, request)
    try:
        with environment.lock(plan.folder.path, plan.ledger_url):
            create_search(plan, request, data).close()
    finally:
        if made_folder:
            discard_unused(plan)
    return plan
