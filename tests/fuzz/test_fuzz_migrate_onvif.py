"""A Profile G recorder whose answers are spoilt: its list is read or refused in the promised way only."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from migrate_checks import SECRET, holds

from khue.camera.migrate.found import MigrationError
from khue.camera.migrate.onvif_recorder import OnvifRecorder, read
from khue.model.errors import CameraError
from khue.sim.camera import SimCamera
from khue.sim.http import HttpReply, HttpRequest
from khue.sim.systems.channels import channels_of
from khue.sim.systems.onvif_recorder import ProfileGRecorder

OPERATIONS = ("GetServices", "GetDeviceInformation", "GetProfiles", "GetStreamUri", "GetRecordings", "GetRecordingJobs")
Spoil = dict[str, list[tuple[int, int, str]]]


class Spoilt(ProfileGRecorder):
    """Changes stretches of the bodies of some answers."""

    spoil: Spoil | None = None

    async def _answer(self, request: HttpRequest) -> HttpReply:
        reply = await super()._answer(request)
        text = reply.body.decode()
        body = text.find(":Body>")  # the namespaces before it are longer than the rest
        for operation, changes in (self.spoil or {}).items():
            if f":{operation}Response>" in text:
                for start, length, put in changes:
                    at = body + start % (len(text) - body + 1)
                    text = text[:at] + put + text[at + length :]
        return reply._replace(body=text.encode("utf-8", "surrogatepass"))


async def ask(spoil: Spoil) -> None:
    async with Spoilt(channels_of([SimCamera(name="a"), SimCamera(name="b")]), password=SECRET) as recorder:
        recorder.spoil = spoil
        port = int(recorder.url.rpartition(":")[2])
        async with OnvifRecorder("127.0.0.1", port, "admin", SECRET, timeout_s=5) as asked:
            found = await read(asked, "127.0.0.1", "admin", SECRET)
    holds(found)


async def test_the_answers_are_good() -> None:
    await ask({})


changes = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 60), st.text(max_size=12)), min_size=1, max_size=3)


@pytest.mark.timeout(120)
@settings(max_examples=40, deadline=None, database=None)
@given(st.dictionaries(st.sampled_from(OPERATIONS), changes, min_size=1, max_size=2))
def test_spoilt_answers(spoil: Spoil) -> None:
    try:
        asyncio.run(ask(spoil))
    except (CameraError, MigrationError) as error:
        assert SECRET not in str(error) and str(error)
