"""Who did which exercise how far: the audit and the books since it was begun say so, not the person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from khue.centre.errors import Invalid
from khue.centre.ports import Database, Row
from khue.centre.regulation.service import Regulations
from khue.centre.sql import Queries
from khue.centre.training.exercises import Check, Exercise, packaged
from khue.model.errors import Conflict, NotFound
from khue.model.regulation.terms import Text

_SQL = Queries(__file__)
_REACHED = {"opened": 1, "confirmed": 2, "ended": 3, "reviewed": 4}
_LONGEST_ANSWER = 200


class StepDone(msgspec.Struct, frozen=True):
    """``asks``: it wants an answer typed in; ``answer`` is the one given."""

    text: Text
    done: bool
    asks: bool
    answer: str


class Progress(msgspec.Struct, frozen=True):
    """One exercise for one person. ``state``: new, started, passed."""

    id: str
    title: Text
    text: Text
    steps: tuple[StepDone, ...]
    state: str
    started_at: dt.datetime | None
    passed_at: dt.datetime | None


class Training:
    """Off unless the configuration says otherwise: nobody practises on real cameras by chance."""

    def __init__(self, database: Database, regulations: Regulations, enabled: bool) -> None:
        self._database = database
        self._regulations = regulations
        self.enabled = enabled
        self._exercises = {exercise.id: exercise for exercise in packaged()} if enabled else {}

    async def of_account(self, account: str) -> list[Progress]:
        """Every exercise the account has a right for. Raises NotFound when training is off."""
        self._must_be_on()
        results = {row["exercise"]: row for row in await self._database.fetch(_SQL["results_of"], account)}
        rights = {row["right_name"] for row in await self._regulations.rules_of(account)}
        wanted = [exercise for exercise in self._exercises.values() if rights & {*exercise.rights}]
        return [await self._progress(account, exercise, results.get(exercise.id)) for exercise in wanted]

    async def start(self, account: str, exercise: str) -> Progress:
        """From now on counts what the account does. Raises NotFound."""
        known = await self._known(account, exercise)
        await self._database.execute(_SQL["begin"], account, exercise)
        return await self._look(account, known)

    async def check(self, account: str, exercise: str, answers: Mapping[str, str]) -> Progress:
        """``answers`` by number of the step, from 0. Raises NotFound, Conflict when it was not begun, Invalid."""
        known = await self._known(account, exercise)
        if await self._result(account, exercise) is None:
            raise Conflict("begin the exercise first")
        for number, answer in answers.items():
            if not number.isdecimal() or int(number) >= len(known.step) or known.step[int(number)].check.answer is None:
                raise Invalid(f"step {number[:20]} asks for no answer")
            if len(answer) > _LONGEST_ANSWER:
                raise Invalid(f"an answer has at most {_LONGEST_ANSWER} characters")
        if answers:
            said = {str(int(number)): answer.strip() for number, answer in answers.items()}
            await self._database.execute(_SQL["answer"], account, exercise, msgspec.json.encode(said).decode())
        progress = await self._look(account, known)
        if all(step.done for step in progress.steps) and progress.passed_at is None:
            await self._database.execute(_SQL["pass"], account, exercise)
            progress = await self._look(account, known)
        return progress

    async def results(self) -> Sequence[Row]:
        """Of everybody. Raises NotFound when training is off."""
        self._must_be_on()
        return await self._database.fetch(_SQL["all_results"])

    async def _known(self, account: str, exercise: str) -> Exercise:
        self._must_be_on()
        known = self._exercises.get(exercise)
        rights = {row["right_name"] for row in await self._regulations.rules_of(account)}
        if known is None or not rights & {*known.rights}:
            raise NotFound("there is no such exercise for your posts")
        return known

    def _must_be_on(self) -> None:
        if not self.enabled:
            raise NotFound(
                "this centre is not in training mode; exercises run on the simulated city (`khue demo --training`)"
            )

    async def _result(self, account: str, exercise: str) -> Row | None:
        rows = await self._database.fetch(_SQL["results_of"], account)
        return next((row for row in rows if row["exercise"] == exercise), None)

    async def _look(self, account: str, exercise: Exercise) -> Progress:
        return await self._progress(account, exercise, await self._result(account, exercise.id))

    async def _progress(self, account: str, exercise: Exercise, row: Row | None) -> Progress:
        answers = {} if row is None else msgspec.json.decode(row["answers"], type=dict[str, str])
        steps = []
        for number, step in enumerate(exercise.step):
            answer = answers.get(str(number), "")
            done = row is not None and await self._done(account, step.check, row, answer)
            steps.append(StepDone(step.text, done, step.check.answer is not None, answer))
        passed = None if row is None else row["passed"]
        state = "new" if row is None else "started" if passed is None else "passed"
        started = None if row is None else row["started"]
        return Progress(exercise.id, exercise.title, exercise.text, tuple(steps), state, started, passed)

    async def _done(self, account: str, check: Check, row: Row, answer: str) -> bool:
        since, started = row["since"], row["started"]
        if check.entry is not None:
            wanted = check.entry
            before = None
            if wanted.before_minutes is not None:
                before = started - dt.timedelta(minutes=wanted.before_minutes)
            found = await self._database.fetchval(
                _SQL["did"],
                *(account, since, wanted.outcome, list(wanted.action) or None, list(wanted.purpose) or None),
                *(wanted.case, wanted.reason, wanted.clause, wanted.camera, before),
            )
        elif check.request is not None:
            asked = check.request
            found = await self._database.fetchval(
                _SQL["asked"], account, started, asked.kind, asked.case, asked.elsewhere
            )
        elif check.emergency is not None:
            found = await self._database.fetchval(_SQL["broke"], account, started) >= _REACHED[check.emergency]
        else:
            assert check.answer is not None
            found = bool(answer) and await self._database.fetchval(_SQL[check.answer], account, since, answer)
        return bool(found)
