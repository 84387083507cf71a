"""Entries as they lie in the database."""

from __future__ import annotations

import datetime as dt

from khue.centre.ports import Row
from khue.model.audit import FORM, AuditEntry
from khue.model.time import Micros, to_micros

COLUMNS = """seq, at, account, username, post, action, address, outcome, camera, stream, period_start, period_end, purpose,
case_number, reason, grant_id, clause, version, cameras, named, detail, salt, leaf"""


def entry_of(row: Row) -> AuditEntry:
    """From a row with COLUMNS."""
    return AuditEntry(
        v=FORM,
        seq=row["seq"],
        at=to_micros(row["at"]),
        account=row["account"],
        username=row["username"],
        post=row["post"],
        action=row["action"],
        address=row["address"],
        outcome=row["outcome"],
        camera=row["camera"],
        stream=row["stream"],
        period_start=_micros(row["period_start"]),
        period_end=_micros(row["period_end"]),
        purpose=row["purpose"],
        case_number=row["case_number"],
        reason=row["reason"],
        grant=row["grant_id"],
        clause=row["clause"],
        version=row["version"],
        cameras=row["cameras"],
        named=tuple(row["named"]),
        detail=row["detail"],
        salt=row["salt"],
    )


def _micros(moment: dt.datetime | None) -> Micros | None:
    return None if moment is None else to_micros(moment)
