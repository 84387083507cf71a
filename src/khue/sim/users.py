"""Who may enter one simulated camera, and the ONVIF calls that change it (Core §8.4). Every attempt is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from khue.sim.soap import Call, Fault

#: What the camera does with an order to change a password.
SetUser = Literal["yes", "unsupported", "refused", "ignored", "drops", "slow", "onvif-only"]
SLOW_S = 4.0
_LEVELS = ("Administrator", "Operator", "User", "Anonymous")


class Users:
    """Names, passwords and rights. ``attempts`` counts sign-ins tried with any password, ``refused`` the wrong ones."""

    def __init__(self, username: str, password: str) -> None:
        self._users = {username: (password, "Administrator")}
        self.attempts = 0
        self.refused = 0

    def password(self, name: str) -> str | None:
        """None when nobody is called that."""
        found = self._users.get(name)
        return found[0] if found else None

    def note(self, *, right: bool) -> None:
        self.attempts += 1
        self.refused += not right

    def put(self, name: str, password: str, level: str) -> None:
        self._users[name] = (password, level)

    def remove(self, name: str) -> None:
        del self._users[name]

    def levels(self) -> list[tuple[str, str]]:
        return [(name, level) for name, (_, level) in self._users.items()]

    def copy(self) -> Users:
        made = Users("", "")
        made._users = dict(self._users)
        return made


class UserCalls:
    """GetUsers, SetUser, CreateUsers and DeleteUsers of one camera."""

    def __init__(self, users: Users, behaviour: SetUser) -> None:
        self._users, self._behaviour = users, behaviour
        self._changed = False

    def operations(self) -> dict[str, Callable[[Call], str]]:
        if self._behaviour == "unsupported":
            return {"GetUsers": self._get_users}
        return {
            "GetUsers": self._get_users,
            "SetUser": self._set_user,
            "CreateUsers": self._create_users,
            "DeleteUsers": self._delete_users,
        }

    async def settle(self) -> None:
        """What happens between the change and its answer."""
        changed, self._changed = self._changed, False
        if changed and self._behaviour == "drops":
            raise ConnectionAbortedError
        if changed and self._behaviour == "slow":
            await asyncio.sleep(SLOW_S)

    def _get_users(self, _: Call) -> str:
        return "".join(
            f"<tds:User><tt:Username>{escape(name)}</tt:Username><tt:UserLevel>{level}</tt:UserLevel></tds:User>"
            for name, level in self._users.levels()
        )

    def _set_user(self, call: Call) -> str:
        if self._behaviour == "refused":
            raise Fault("ter:OperationProhibited", "the password is too weak for this device", sender=False)
        for user in call.element.findall("{*}User"):
            name, password, level = _fields(user)
            if self._users.password(name) is None:
                raise Fault("ter:UsernameMissing", f"no user {name}")
            if self._behaviour != "ignored":
                self._users.put(name, password or self._users.password(name) or "", level)
                self._changed = True
        return ""

    def _create_users(self, call: Call) -> str:
        for user in call.element.findall("{*}User"):
            name, password, level = _fields(user)
            if not name or self._users.password(name) is not None:
                raise Fault("ter:UsernameClash", f"user {name} exists")
            self._users.put(name, password, level)
        return ""

    def _delete_users(self, call: Call) -> str:
        for element in call.element.findall("{*}Username"):
            name = (element.text or "").strip()
            if self._users.password(name) is None:
                raise Fault("ter:UsernameMissing", f"no user {name}")
            if [who for who, level in self._users.levels() if level == "Administrator"] == [name]:
                raise Fault("ter:FixedUser", "the last administrator stays")
            self._users.remove(name)
        return ""


def _fields(user: Element) -> tuple[str, str, str]:
    """(name, password, level) of a tt:User."""
    name, password, level = (user.findtext(f"{{*}}{key}", "").strip() for key in ("Username", "Password", "UserLevel"))
    if level not in _LEVELS:
        raise Fault("ter:InvalidArgVal", f"no level {level}")
    return name, password, level
