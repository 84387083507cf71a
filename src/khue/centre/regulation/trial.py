"""The example cases of a version, put to the database's own ``decide()`` in a transaction that is taken back."""

from __future__ import annotations

from khue.centre.ids import new_id
from khue.centre.ports import Database, Row, Statements
from khue.centre.sql import Queries
from khue.model.regulation.deciding import Result, Wanted, decide, run_case
from khue.model.regulation.terms import Case, Regulation

_SQL = Queries(__file__)


class _TakenBack(Exception):
    """Ends the trial: nothing of it stays."""


async def try_cases(database: Database, regulation: Regulation) -> list[Result]:
    """Every case of a loaded version as the rules have it; ``got`` begins with "database:" where the database differs.

    A post of each kind is made with a grant for everything, and is gone again before anybody could have seen it.
    """
    results = [run_case(regulation, case) for case in regulation.cases]
    said: list[str] = []
    try:
        async with database.transaction() as session:
            await session.execute(_SQL["try_version"], regulation.id)
            kinds = {kind: await _hold(session, kind) for kind in {case.kind for case in regulation.cases}}
            for case in regulation.cases:
                said.append(await _ask(session, regulation, case, kinds[case.kind]))
            raise _TakenBack
    except _TakenBack:
        pass
    return [
        result if differs == "" else Result(result.name, result.name_en, False, result.expected, f"database: {differs}")
        for result, differs in zip(results, said, strict=True)
    ]


async def _hold(session: Statements, kind: str) -> str:
    """An account with a post of the kind and a grant for everything; the account's id is the grant's too."""
    account = f"try-{new_id()}"
    await session.execute(_SQL["try_account"], account)
    await session.execute(_SQL["try_post"], account, kind)
    await session.execute(_SQL["try_tenure"], account)
    await session.execute(_SQL["try_grant"], account)
    return account


async def _ask(session: Statements, regulation: Regulation, case: Case, account: str) -> str:
    """What the database says where it is not what the rules say; "" where it is.

    The database knows nothing of single cameras' additions, nor whether a reason was given: the gate looks at those.
    """
    wanted = Wanted(case.kind, case.right, case.purpose, "any", "any", True)
    model = decide(regulation, wanted)
    row = await session.fetchrow(_SQL["try_case"], account, case.right, case.purpose)
    assert row is not None
    needs = _needs(row) if row["verdict"] == "allowed" else ""
    rule = regulation.rules.get((case.kind, case.right))
    meant = "" if rule is None or model.verdict != "allowed" else " ".join(sorted(rule.needs - {"purpose"}))
    got = (row["verdict"], row["clause"] or regulation.refusals.kind, needs)
    return "" if got == (model.verdict, model.clause, meant) else " ".join(part for part in got if part)


def _needs(row: Row) -> str:
    return " ".join(sorted(need for need in ("reason", "case", "second") if row[f"needs_{need}"]))
