"""The parts of signing in, put together."""

from __future__ import annotations

import msgspec

from khue.centre.audit.log import AccessLog
from khue.centre.config import CentreConfig
from khue.centre.identity.accounts import Accounts
from khue.centre.identity.demands import Demands
from khue.centre.identity.http import PublicUrl
from khue.centre.identity.oidc import Oidc
from khue.centre.identity.passkeys import Passkeys
from khue.centre.identity.passwords import Passwords
from khue.centre.identity.second_factors import SecondFactors
from khue.centre.identity.sessions import Sessions
from khue.centre.identity.sign_ins import SignIns
from khue.centre.identity.tickets import Tickets
from khue.centre.identity.tokens import Tokens
from khue.centre.ports import Database
from khue.centre.secrets import Vault
from khue.model.time import Clock


class Identity(msgspec.Struct, frozen=True):
    """What routes about signing in are given, by name."""

    accounts: Accounts
    sessions: Sessions
    tokens: Tokens
    demands: Demands
    factors: SecondFactors
    passkeys: Passkeys
    sign_ins: SignIns
    public_url: PublicUrl
    oidc: Oidc


def make_identity(
    config: CentreConfig, database: Database, log: AccessLog, vault: Vault, clock: Clock, passwords: Passwords
) -> Identity:
    """All of it over one database."""
    lasting = {"session_hours": config.access.session_hours, "idle_minutes": config.access.idle_minutes}
    demands, tokens, tickets = Demands(database), Tokens(database, log), Tickets(database)
    sessions = Sessions(database, log, demands, **lasting)
    factors = SecondFactors(database, log, vault, clock)
    passkeys = Passkeys(database, log, tickets)
    return Identity(
        accounts=Accounts(database, log, passwords, demands, tokens),
        sessions=sessions,
        tokens=tokens,
        demands=demands,
        factors=factors,
        passkeys=passkeys,
        sign_ins=SignIns(database, log, passwords, sessions, factors, passkeys, tickets),
        public_url=PublicUrl(config.listen.public_url),
        oidc=Oidc(config.oidc, database, log, sessions, passwords),
    )
