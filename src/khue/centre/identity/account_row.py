"""An account as the database has it."""

from __future__ import annotations

from khue.centre.access.rules import Account, Role
from khue.centre.ports import Row


def account_of(row: Row) -> Account:
    """From the columns id, username, display_name, role, language, units, agencies, defence."""
    return Account(
        *(row["id"], row["username"], row["display_name"], Role(row["role"]), row["language"]),
        *(tuple(row["units"]), tuple(row["agencies"]), row["defence"]),
    )
