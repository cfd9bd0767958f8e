"""How runs go on: whatever ends in whatever order, each reaches one end, and nothing too early."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from polydesk.domain import progress
from polydesk.domain.errors import WrongState
from polydesk.domain.plan import Plan, PlannedCommand, Step
from polydesk.domain.run import (
    CODES,
    ENDED,
    EXECUTIONS,
    OF_CODE,
    Lost,
    NodeRun,
    NodeState,
    Outcome,
    Run,
    RunState,
)
from polydesk.domain.runbook import Approve, Await, Tool, Wait, WhenUnknown

NOW = datetime(2026, 1, 1, tzinfo=UTC)
COMMAND = PlannedCommand(target="t", argv=("true",), seconds=1)
OVER = frozenset({NodeState.SUCCEEDED, NodeState.FAILED, NodeState.SKIPPED, NodeState.CANCELLED})


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def step(id_: str, *needs: str, work: Any = COMMAND, **more: Any) -> Step:
    return Step(id=id_, needs=needs, work=work, **more)


def run_of(*steps: Step, **said: Any) -> tuple[Plan, Run]:
    plan = Plan(steps=steps)
    run = Run(
        id=1,
        org=1,
        title="r",
        tool=Tool.COMMANDS,
        actor="ann",
        created_at=NOW,
        updated_at=NOW,
        nodes=tuple(NodeRun(id=each.id) for each in steps),
        **said,
    )
    return plan, run


def claimed(run: Run, owner: str = "w") -> Run:
    return progress.claim(run, owner, phase=run.phase, at=NOW)


def begun(run: Run, id_: str) -> Run:
    return progress.begin(run, id_, "w", machine="m", at=NOW)


def finished(run: Run, step_: Step, outcome: Outcome = Outcome.SUCCEEDED) -> Run:
    attempt = run.node(step_.id).open_attempt
    assert attempt is not None
    ended = replace(attempt, ended_at=NOW, outcome=outcome)
    return progress.finish(run, step_, "w", ended=ended, result="")


def settled(plan: Plan, run: Run, seconds: float = 0) -> Run:
    return progress.settle(plan, run, "w", at=at(seconds))


WORKS = (COMMAND, Approve(), Await(), Wait(seconds=5))


@st.composite
def plans(draw: st.DrawFn) -> tuple[Step, ...]:
    size = draw(st.integers(1, 7))
    return tuple(
        step(
            f"n{index}",
            *(f"n{need}" for need in draw(st.sets(st.integers(0, max(index - 1, 0)), max_size=3)))
            if index
            else (),
            work=draw(st.sampled_from(WORKS)),
            when_unknown=draw(st.sampled_from(WhenUnknown)),
        )
        for index in range(size)
    )


@given(plans(), st.randoms(use_true_random=False))
@settings(max_examples=200)
def test_a_run_reaches_an_end_whatever_becomes_of_its_nodes(steps: Any, chance: Any) -> None:
    plan, run = run_of(*steps)
    seconds, known = 0.0, {each.id: each for each in steps}
    for _ in range(1_000):
        if run.ended:
            break
        if not run.owner:
            if run.state is not RunState.QUEUED:
                run = _woken(plan, run, chance, seconds := seconds + 10)
            run = claimed(run)
        run = settled(plan, run, seconds)
        if run.owner:
            ready = progress.launchable(plan, run)
            chosen = chance.choice(ready)
            assert all(run.node(need).state is NodeState.SUCCEEDED for need in chosen.needs)
            run = begun(run, chosen.id)
            run = finished(run, chosen, chance.choice(list(Outcome)[1:]))

    assert run.ended
    states = {node.id: node.state for node in run.nodes}
    assert set(states.values()) <= OVER
    assert (run.state is RunState.SUCCEEDED) == (set(states.values()) == {NodeState.SUCCEEDED})
    for id_, state in states.items():
        if state is NodeState.SUCCEEDED:
            assert {states[need] for need in known[id_].needs} <= {NodeState.SUCCEEDED}


def _woken(plan: Plan, run: Run, chance: Any, seconds: float) -> Run:
    """Has somebody decide what waits for somebody; what waits for a time is woken by itself."""
    waiting = [
        each.id
        for each in plan.steps
        if run.node(each.id).state is NodeState.PENDING and not isinstance(each.work, Wait)
    ]
    if waiting and (not run.wake_at or chance.random() < 0.5):
        chosen = chance.choice(waiting)
        passes = chance.random() < 0.7
        return progress.decide(run, chosen, passes=passes, message="", at=at(seconds))
    assert run.wake_at is not None
    return replace(run, wake_at=None)


def test_what_is_launched_is_on_record_before() -> None:
    plan, run = run_of(step("a"))

    run = begun(settled(plan, claimed(run)), "a")

    assert run.state is RunState.RUNNING
    assert [each.number for each in run.node("a").attempts] == [1]
    assert begun(run, "a") == run


def test_a_worker_that_has_lost_a_run_is_told() -> None:
    plan, run = run_of(step("a"))
    mine = begun(claimed(run), "a")

    theirs = claimed(mine, "other")

    with pytest.raises(Lost):
        begun(theirs, "a")
    with pytest.raises(Lost):
        finished(theirs, plan.steps[0])
    with pytest.raises(Lost):
        settled(plan, theirs)


def test_a_late_worker_does_not_get_a_run() -> None:
    _, run = run_of(step("a"), phase=2)

    assert progress.claim(run, "w", phase=1, at=NOW) == run


def test_nobody_gets_a_run_that_has_ended() -> None:
    _, run = run_of(step("a"), state=RunState.FAILED)

    assert claimed(run) == run


@pytest.mark.parametrize("policy", WhenUnknown)
def test_a_node_whose_end_nobody_knows_fails_or_begins_again_as_its_policy_says(
    policy: WhenUnknown,
) -> None:
    again = policy is WhenUnknown.RERUN
    plan, run = run_of(step("a", when_unknown=policy))
    run = finished(begun(claimed(run), "a"), plan.steps[0], Outcome.UNKNOWN)

    run = settled(plan, run)

    assert run.state is (RunState.RUNNING if again else RunState.FAILED)
    if again:
        run = begun(run, "a")
        assert [each.outcome for each in run.node("a").attempts] == [
            Outcome.UNKNOWN,
            Outcome.RUNNING,
        ]


def test_a_node_is_not_begun_again_for_ever() -> None:
    plan, run = run_of(step("a", when_unknown=WhenUnknown.RERUN))
    run = claimed(run)
    while not run.ended:
        run = finished(begun(run, "a"), plan.steps[0], Outcome.UNKNOWN)
        run = settled(plan, run)

    assert len(run.node("a").attempts) == progress.MOST_ATTEMPTS


def test_branches_that_need_nothing_failed_go_on() -> None:
    plan, run = run_of(step("a"), step("b", "a"), step("c"))
    run = begun(begun(claimed(run), "a"), "c")

    run = settled(plan, finished(run, plan.steps[0], Outcome.FAILED))
    assert run.node("b").state is NodeState.SKIPPED
    assert not run.ended
    run = settled(plan, finished(run, plan.steps[2]))

    assert run.state is RunState.FAILED
    assert "node a failed" in run.message


def test_a_wait_is_over_when_its_time_has_come() -> None:
    plan, run = run_of(step("a", work=Wait(seconds=60)), step("b", "a"))

    run = settled(plan, claimed(run))
    assert (run.owner, run.wake_at, run.phase) == ("", at(60), 2)
    early = settled(plan, claimed(run), 59)
    assert early.node("a").state is NodeState.PENDING
    run = settled(plan, claimed(run), 60)

    assert [each.id for each in progress.launchable(plan, run)] == ["b"]


def test_who_approves_wakes_a_run_that_is_laid_aside_and_no_other() -> None:
    plan, run = run_of(step("a", work=Approve()), step("b"))
    run = settled(plan, begun(claimed(run), "b"))
    assert run.owner == "w"

    driven = progress.decide(run, "a", passes=True, message="", at=NOW)
    assert (driven.phase, driven.wake_at) == (run.phase, None)

    aside = settled(plan, finished(run, plan.steps[1]))
    assert aside.state is RunState.PENDING_APPROVAL
    woken = progress.decide(aside, "a", passes=True, message="", at=NOW)
    assert (woken.phase, woken.wake_at) == (2, NOW)


def test_a_rejected_node_fails_what_needs_it() -> None:
    plan, run = run_of(step("a", work=Approve()), step("b", "a"))
    run = settled(plan, claimed(run))

    run = progress.decide(run, "a", passes=False, message="no", at=NOW)
    run = settled(plan, claimed(run))

    assert run.state is RunState.FAILED
    assert run.node("b").state is NodeState.SKIPPED


def test_a_run_that_nobody_drives_is_cancelled_at_once() -> None:
    _, run = run_of(step("a"))

    assert progress.cancel(run, at=NOW).state is RunState.CANCELLED


def test_a_run_that_is_driven_is_cancelled_when_what_it_executes_has_ended() -> None:
    plan, run = run_of(step("a"), step("b", "a"))
    run = begun(claimed(run), "a")

    run = progress.cancel(run, at=NOW)
    assert (run.state, run.cancelling) == (RunState.RUNNING, True)
    run = settled(plan, run)
    assert not run.ended
    run = settled(plan, finished(run, plan.steps[0], Outcome.CANCELLED))

    assert run.state is RunState.CANCELLED
    assert [node.state for node in run.nodes] == [NodeState.CANCELLED, NodeState.SKIPPED]


def test_what_has_ended_is_not_cancelled_but_what_was_cancelled_may_be_again() -> None:
    _, run = run_of(step("a"))
    over = progress.cancel(run, at=NOW)

    assert progress.cancel(over, at=NOW) == over
    with pytest.raises(WrongState):
        progress.cancel(replace(run, state=RunState.SUCCEEDED), at=NOW)


def test_a_run_that_cannot_go_on_ends_and_says_what_is_lost() -> None:
    _, run = run_of(step("a"), step("b", "a"))
    run = progress.fail(begun(claimed(run), "a"), "the engine broke", at=NOW)

    assert (run.state, run.message, run.owner) == (RunState.FAILED, "the engine broke", "")
    assert run.node("a").attempts[0].outcome is Outcome.UNKNOWN
    assert progress.fail(run, "again", at=NOW) == run


def test_each_state_has_a_code_and_a_meaning_for_its_ticket() -> None:
    assert set(CODES) == set(EXECUTIONS) == set(RunState)
    assert [OF_CODE[code].name for code in range(7)] == [
        "QUEUED", "INITIATED", "RUNNING", "FAILED", "SUCCEEDED", "PENDING_APPROVAL", "APPROVED",
    ]  # fmt: skip
    assert CODES[RunState.CANCELLED] == CODES[RunState.FAILED] == 3


class Life(RuleBasedStateMachine):
    """A run of two branches that workers, callers and crashes have their way with."""

    def __init__(self) -> None:
        super().__init__()
        self.plan, self.run = run_of(
            step("ask", work=Approve()), step("one", "ask"), step("two"), step("last", "one", "two")
        )
        self.owners = 0
        self.me = ""
        self.launches: list[tuple[str, int]] = []
        self.ends: list[RunState] = []

    def _become(self, run: Run) -> None:
        if run.ended and not self.run.ended:
            self.ends.append(run.state)
        self.run = run

    @rule()
    def take(self) -> None:
        """A worker takes the run, be it after a crash or because it was woken."""
        self.owners += 1
        self.me = str(self.owners)
        self._become(progress.claim(self.run, self.me, phase=self.run.phase, at=NOW))

    @precondition(lambda self: self.run.owner and self.run.owner == self.me)
    @rule()
    def settle(self) -> None:
        self._become(progress.settle(self.plan, self.run, self.me, at=NOW))

    @precondition(lambda self: self.run.owner and self.run.owner == self.me)
    @rule(data=st.data())
    def launch(self, data: st.DataObject) -> None:
        ready = progress.launchable(self.plan, self.run)
        if not ready or self.run.cancelling:
            return
        id_ = data.draw(st.sampled_from(ready)).id
        was_open = self.run.node(id_).open_attempt
        run = progress.begin(self.run, id_, self.me, machine="m", at=NOW)
        attempt = run.node(id_).open_attempt
        assert attempt is not None
        if was_open is None:
            self.launches.append((id_, attempt.number))
        self._become(run)

    @precondition(lambda self: self.run.owner and self.run.owner == self.me)
    @rule(data=st.data(), outcome=st.sampled_from(list(Outcome)[1:]))
    def end(self, data: st.DataObject, outcome: Outcome) -> None:
        running = [each for each in self.plan.steps if self.run.node(each.id).open_attempt]
        if not running:
            return
        chosen = data.draw(st.sampled_from(running))
        attempt = self.run.node(chosen.id).open_attempt
        assert attempt is not None
        ended = replace(attempt, outcome=outcome, ended_at=NOW)
        self._become(progress.finish(self.run, chosen, self.me, ended=ended, result=""))

    @precondition(lambda self: self.run.node("ask").state is NodeState.PENDING)
    @rule(passes=st.booleans())
    def decide(self, passes: bool) -> None:  # noqa: FBT001 - hypothesis draws it
        self._become(progress.decide(self.run, "ask", passes=passes, message="", at=NOW))

    @precondition(lambda self: not self.run.ended)
    @rule()
    def cancel(self) -> None:
        self._become(progress.cancel(self.run, at=NOW))

    @invariant()
    def it_ends_once(self) -> None:
        assert len(self.ends) <= 1
        assert (self.run.state in ENDED) == bool(self.ends)

    @invariant()
    def no_launch_lacks_an_attempt_of_its_own(self) -> None:
        attempts = [(node.id, each.number) for node in self.run.nodes for each in node.attempts]
        assert sorted(self.launches) == sorted(attempts)

    @invariant()
    def who_has_ended_owns_nothing_and_is_not_woken(self) -> None:
        if self.run.ended:
            assert not self.run.owner
            assert self.run.wake_at is None
            assert {node.state for node in self.run.nodes} <= OVER


TestLife = Life.TestCase
