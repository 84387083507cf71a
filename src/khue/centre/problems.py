"""Every failure as ``{"error": {code, message, remedy}}`` with the right status."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from khue.centre.access.refusals import Ask, Clause, Refusal, Text
from khue.centre.errors import Invalid, Throttled, Unauthenticated
from khue.model.errors import (
    CameraError,
    ConfigError,
    Conflict,
    Denied,
    KhueError,
    LinkError,
    MediaError,
    NotFound,
    RecordingError,
    Unavailable,
    Unstorable,
)

_log = logging.getLogger(__name__)


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """``code`` is for programs, ``message`` says what happened, ``remedy`` what to do.

    A refusal by the regulation says more: the sentence in both languages, its clause, and whom to ask.
    """

    code: str
    message: str
    remedy: str
    verdict: str = ""
    text: Text | None = None
    clause: Clause | None = None
    ask: tuple[Ask, ...] = ()


class ProblemReply(msgspec.Struct, frozen=True):
    error: Problem


class _Kind(msgspec.Struct, frozen=True):
    status: int
    code: str
    remedy: str


# The first class an error is an instance of.
_KINDS: tuple[tuple[type[KhueError], _Kind], ...] = (
    (Invalid, _Kind(400, "invalid", "Correct the request.")),
    (Unstorable, _Kind(400, "invalid", "Correct the request.")),
    (Unauthenticated, _Kind(401, "unauthenticated", "Sign in.")),
    (Denied, _Kind(403, "denied", "Ask an administrator for the right you need.")),
    (NotFound, _Kind(404, "not_found", "Check what you asked for; it may have been removed.")),
    (Conflict, _Kind(409, "conflict", "Look at the present state and try again.")),
    (Throttled, _Kind(429, "throttled", "Wait, then try again.")),
    (Unavailable, _Kind(503, "unavailable", "Try again in a few seconds.")),
    (LinkError, _Kind(503, "node_away", "Check that the camera's node runs and reaches the centre.")),
    (CameraError, _Kind(502, "camera", "Check the camera.")),
    (MediaError, _Kind(502, "media", "Try another time or stream.")),
    (RecordingError, _Kind(502, "recording", "Run khue check on the camera's node.")),
    (ConfigError, _Kind(500, "configuration", "Tell who runs the centre.")),
    (KhueError, _Kind(500, "failed", "Tell who runs the centre.")),
)
_HTTP_CODES = {
    400: "invalid",
    401: "unauthenticated",
    403: "denied",
    404: "not_found",
    405: "no_such_method",
    413: "too_large",
}


def problem_of(error: KhueError) -> tuple[int, Problem]:
    """(HTTP status, what is said)."""
    if isinstance(error, Refusal):
        return 403, Problem("denied", str(error), error.remedy, error.verdict, error.text, error.clause, error.ask)
    for kind, how in _KINDS:
        if isinstance(error, kind):
            return how.status, Problem(how.code, str(error), how.remedy, text=getattr(error, "text", None))
    raise AssertionError("KhueError is the last kind")


def _khue(request: Request[Any, Any, Any], error: KhueError) -> Response[ProblemReply]:
    status, problem = problem_of(error)
    if status == 500:
        _log.error("%s %s: %s", request.method, request.url.path, error)
    headers = {"Retry-After": f"{error.retry_after:.0f}"} if isinstance(error, Throttled) else {}
    if status == 503:
        headers["Retry-After"] = "2"
    return Response(ProblemReply(problem), status_code=status, headers=headers)


def _http(request: Request[Any, Any, Any], error: HTTPException) -> Response[ProblemReply]:
    if error.status_code >= 500:
        return _other(request, error)
    code = _HTTP_CODES.get(error.status_code, "failed")
    message = error.detail
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        message = "; ".join(f"{item.get('key', 'request')}: {item.get('message', '')}" for item in error.extra)
    problem = Problem(code, message, "The API is described at /schema/openapi.json.")
    return Response(ProblemReply(problem), status_code=error.status_code)


def _other(request: Request[Any, Any, Any], error: Exception) -> Response[ProblemReply]:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    problem = Problem("failed", "something went wrong here; it was written to the centre's log", "Try again.")
    return Response(ProblemReply(problem), status_code=500)


HANDLERS: ExceptionHandlersMap = {KhueError: _khue, HTTPException: _http, Exception: _other}
