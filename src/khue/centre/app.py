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
from khue.centre.access.service import Access, Caller
from khue.centre.access.watch import AccessWatch
from khue.centre.audit.http import AuditController
from khue.centre.audit.service import Audit
from khue.centre.console import console_file, console_index
from khue.centre.events.board import Board
from khue.centre.events.http import events
from khue.centre.fleet.enrolment import Enrolment
from khue.centre.fleet.http import CameraController
from khue.centre.fleet.http_enrolment import EnrolmentController
from khue.centre.fleet.http_nodes import NodeController, RetentionController
from khue.centre.fleet.service import Fleet
from khue.centre.grants.book import GrantBook
from khue.centre.grants.http import GrantController, check
from khue.centre.health import Engines, health
from khue.centre.identity.http import SessionController
from khue.centre.identity.http_accounts import AccountController, TokenController
from khue.centre.identity.http_me import MeController
from khue.centre.identity.oidc_http import LinkController, OidcController
from khue.centre.identity.service import Identity
from khue.centre.identity.sessions import Sessions
from khue.centre.intake.http import ImportController, MappingController
from khue.centre.intake.service import Imports
from khue.centre.inventory.http import InventoryController
from khue.centre.inventory.service import Inventory
from khue.centre.live.http import lan, live
from khue.centre.live.hub import Hub
from khue.centre.live.lan import LanTokens, LanViewings
from khue.centre.onboarding.http import DiscoveryController, OnboardingController
from khue.centre.onboarding.service import Onboarding
from khue.centre.organisation.http import OrganisationController
from khue.centre.organisation.service import Organisation
from khue.centre.playback.clips import Clips
from khue.centre.playback.http import ClipController, PlaybackController
from khue.centre.playback.service import Playback
from khue.centre.problems import HANDLERS
from khue.centre.registry.http import RegistryController
from khue.centre.registry.http_books import BookController, EditController
from khue.centre.registry.service import Registry
from khue.centre.regulation.http import RegulationController
from khue.centre.regulation.service import Regulations
from khue.centre.requests.asking import Asking
from khue.centre.requests.http import RequestController
from khue.centre.requests.http_emergencies import EmergencyController, NoticeController
from khue.centre.training.http import TrainingController
from khue.centre.training.service import Training

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
    identity: Identity
    access: Access
    watch: AccessWatch
    organisation: Organisation
    book: GrantBook
    audit: Audit
    board: Board
    fleet: Fleet
    enrolment: Enrolment
    registry: Registry
    inventory: Inventory
    regulations: Regulations
    training: Training
    imports: Imports
    onboarding: Onboarding
    asking: Asking
    hub: Hub
    lan_tokens: LanTokens
    lan_viewings: LanViewings
    playback: Playback
    clips: Clips


async def provide_caller(request: Request[Any, Any, Any], sessions: NamedDependency[Sessions]) -> Caller:
    """Raises Unauthenticated, Denied."""
    return await find_caller(request, sessions)


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

    parts = {name: getattr(services, name) for name in services.__struct_fields__ if name != "identity"}
    parts |= {name: getattr(services.identity, name) for name in services.identity.__struct_fields__}
    return Litestar.from_config(
        AppConfig(
            route_handlers=[
                *(SessionController, MeController, TokenController, AccountController, AuditController),
                *(OrganisationController, GrantController, check),
                *(OidcController, LinkController),
                *(CameraController, NodeController, EnrolmentController, RetentionController),
                *(RegistryController, EditController, BookController, InventoryController),
                *(ImportController, MappingController),
                *(DiscoveryController, OnboardingController, RegulationController, TrainingController),
                *(RequestController, EmergencyController, NoticeController),
                *(live, lan, events, PlaybackController, ClipController, health, console_index, console_file),
            ],
            dependencies={**{name: give(part) for name, part in parts.items()}, "caller": Provide(provide_caller)},
            signature_types=[Caller, *map(type, parts.values())],
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
