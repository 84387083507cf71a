"""The centre's application: routes, what they are given, what every answer carries."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Litestar, Request
from litestar.config.app import AppConfig
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import Message, Scope

import khue
from khue.centre.access.caller import find_caller
from khue.centre.access.http import AccountController, SessionController, TokenController, read_log
from khue.centre.access.service import Access, Accounts, Caller
from khue.centre.console import console_file, console_index
from khue.centre.events.board import Board
from khue.centre.events.http import events
from khue.centre.fleet.http import CameraController
from khue.centre.fleet.http_nodes import NodeController, RetentionController
from khue.centre.fleet.service import Fleet
from khue.centre.health import Engines, health
from khue.centre.intake.http import ImportController, MappingController
from khue.centre.intake.service import Imports
from khue.centre.inventory.http import InventoryController
from khue.centre.inventory.service import Inventory
from khue.centre.live.http import lan, live
from khue.centre.live.hub import Hub
from khue.centre.live.lan import LanTokens
from khue.centre.onboarding.http import DiscoveryController, OnboardingController
from khue.centre.onboarding.service import Onboarding
from khue.centre.playback.clips import Clips
from khue.centre.playback.http import ClipController, PlaybackController
from khue.centre.playback.service import Playback
from khue.centre.problems import HANDLERS
from khue.centre.registry.http import RegistryController
from khue.centre.registry.http_books import BookController, EditController
from khue.centre.registry.service import Registry

_BODY_LIMIT = 1024 * 1024
_CSP = "; ".join(
    (
        "default-src 'self'",
        "connect-src 'self' ws: wss:",  # live pictures straight from a node on the same network
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)


class Services(msgspec.Struct, frozen=True):
    """What routes are given, by name."""

    engines: Engines
    accounts: Accounts
    access: Access
    board: Board
    fleet: Fleet
    registry: Registry
    inventory: Inventory
    imports: Imports
    onboarding: Onboarding
    hub: Hub
    lan_tokens: LanTokens
    playback: Playback
    clips: Clips


async def provide_caller(request: Request[Any, Any, Any], accounts: NamedDependency[Accounts]) -> Caller:
    """Raises Unauthenticated, Denied."""
    return await find_caller(request, accounts)


async def _add_headers(message: Message, scope: Scope) -> None:
    if message["type"] == "http.response.start":
        headers = [*message.get("headers", []), *_HEADERS]
        if scope.get("scheme") == "https":
            headers.append((b"strict-transport-security", b"max-age=31536000"))
        message["headers"] = headers


def build_app(services: Services) -> Litestar:
    """The ASGI application over running services."""

    def give(value: object) -> Provide:
        return Provide(lambda: value, sync_to_thread=False, use_cache=True)

    names = services.__struct_fields__
    return Litestar.from_config(
        AppConfig(
            route_handlers=[
                *(SessionController, TokenController, AccountController, read_log),
                *(CameraController, NodeController, RetentionController),
                *(RegistryController, EditController, BookController, InventoryController),
                *(ImportController, MappingController),
                *(DiscoveryController, OnboardingController),
                *(live, lan, events, PlaybackController, ClipController, health, console_index, console_file),
            ],
            dependencies={**{name: give(getattr(services, name)) for name in names}, "caller": Provide(provide_caller)},
            signature_types=[Caller, *(type(getattr(services, name)) for name in names)],
            exception_handlers=HANDLERS,
            before_send=[_add_headers],
            request_max_body_size=_BODY_LIMIT,
            state=State(),
            openapi_config=OpenAPIConfig(
                title="khue centre",
                version=khue.__version__,
                description="Cameras, live pictures, recordings, and who saw them. Errors are {error: {code, message, remedy}}.",
                path="/schema",
                render_plugins=[JsonRenderPlugin()],
            ),
        )
    )
