"""Exercises as JSON."""

from __future__ import annotations

import datetime as dt

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from khue.centre.access.rules import Action
from khue.centre.access.service import Access, Caller
from khue.centre.training.service import Progress, Training


class ExercisesOut(msgspec.Struct):
    items: list[Progress]
    next: str | None = None


class AnswersIn(msgspec.Struct):
    """By number of the step, from 0, for steps that ask."""

    answers: dict[str, str] = {}


class ResultOut(msgspec.Struct):
    account: str
    username: str
    display_name: str
    exercise: str
    started: dt.datetime
    passed: dt.datetime | None


class ResultsOut(msgspec.Struct):
    items: list[ResultOut]
    next: str | None = None


class TrainingController(Controller):
    path = "/api/v1/training"
    tags = ("training",)

    @get("/exercises", summary="Exercises, and how far you came")
    async def list_exercises(
        self, caller: NamedDependency[Caller], access: NamedDependency[Access], training: NamedDependency[Training]
    ) -> ExercisesOut:
        """404 where the centre is not in training mode."""
        await access.permit(caller, Action.REGULATION_READ)
        return ExercisesOut(await training.of_account(caller.account.id))

    @post("/exercises/{exercise:str}/start", summary="Begin an exercise", status_code=200)
    async def start(
        self,
        exercise: FromPath[str],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        training: NamedDependency[Training],
    ) -> Progress:
        """What you do from now on counts. Beginning again forgets how far you came, and not that you passed."""
        await access.permit(caller, Action.REGULATION_READ)
        return await training.start(caller.account.id, exercise)

    @post("/exercises/{exercise:str}/check", summary="Check how far an exercise is", status_code=200)
    async def check(
        self,
        exercise: FromPath[str],
        data: JSONBody[AnswersIn],
        caller: NamedDependency[Caller],
        access: NamedDependency[Access],
        training: NamedDependency[Training],
    ) -> Progress:
        await access.permit(caller, Action.REGULATION_READ)
        return await training.check(caller.account.id, exercise, data.answers)

    @get("/results", summary="Who passed what")
    async def list_results(
        self, caller: NamedDependency[Caller], access: NamedDependency[Access], training: NamedDependency[Training]
    ) -> ResultsOut:
        await access.permit(caller, Action.REGULATION_WRITE, detail="results of exercises")
        names = ResultOut.__struct_fields__
        return ResultsOut([ResultOut(*(row[name] for name in names)) for row in await training.results()])
