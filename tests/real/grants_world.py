"""An organisation in a centre of its own: posts, people who hold them, and what they were given."""

from __future__ import annotations

from typing import Any

import httpx
from centre_world import World

PASSWORD = "correct horse battery staple"


class Organisation:
    """What the tests make through the API, by the administrator unless told otherwise."""

    def __init__(self, world: World, admin: httpx.AsyncClient) -> None:
        self.world, self.admin = world, admin
        self.accounts: dict[str, str] = {}

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        by: httpx.AsyncClient | None = None,
        status: int = 0,
        **query: object,
    ) -> Any:
        """The JSON of an answer, which is fine unless ``status`` says what it must be."""
        params = {name: str(value) for name, value in query.items()}
        reply = await (by or self.admin).request(method, f"/api/v1{path}", json=body, params=params)
        assert reply.status_code == status if status else reply.is_success, (
            f"{method} {path}: {reply.status_code} {reply.text}"
        )
        return reply.json() if reply.content else None

    async def agency(self, name: str, parent: str | None = None) -> str:
        made = await self.call("POST", "/registry/agencies", {"name": name, "kind": "police", "parent": parent})
        return str(made["id"])

    async def person(self, username: str) -> str:
        body = {"username": username, "password": PASSWORD, "role": "member", "display_name": username.title()}
        self.accounts[username] = (await self.call("POST", "/accounts", body))["id"]
        return self.accounts[username]

    async def post(self, agency: str, title: str, kind: str = "duty_officer", *people: str) -> str:
        made = await self.call("POST", "/organisation/posts", {"agency": agency, "kind": kind, "title": title})
        for username in people:
            await self.appoint(made["id"], username)
        return str(made["id"])

    async def appoint(self, post: str, username: str, **more: object) -> int:
        body = {"account": self.accounts[username], "basis": "QĐ 12", **more}
        return int((await self.call("POST", f"/organisation/posts/{post}/tenures", body))["tenure"])

    async def give(self, by: httpx.AsyncClient | None = None, status: int = 0, **wish: Any) -> Any:
        """The grant; live pictures unless ``rights`` say otherwise."""
        body = {"rights": ["live"], "basis": "QĐ 34", "target": {}, **wish}
        return await self.call("POST", "/grants", body, by=by, status=status)

    async def revoke(self, grant: str, by: httpx.AsyncClient | None = None, status: int = 0) -> Any:
        return await self.call("POST", f"/grants/{grant}/revoke", {"reason": "over"}, by=by, status=status)

    async def client(self, username: str) -> httpx.AsyncClient:
        return await self.world.client(username, PASSWORD)
