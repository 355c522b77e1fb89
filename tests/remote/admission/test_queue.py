"""Who runs and who waits: nothing is lost, bounds hold, priorities and users get what is theirs."""

from collections import Counter
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from codetune_core.domain.execution import Priority
from codetune_remote.admission.queue import PATIENCE, FairQueue, QueueFull

TYPING, EXPLICIT, BACKGROUND = Priority
SLOTS, ROOM, ROOM_PER_USER = 3, 8, 4
USERS = st.sampled_from(["ada", "bob", "cyd"])


class Queueing(RuleBasedStateMachine):
    """Drives a queue, and keeps simple lists of what must be in it."""

    def __init__(self):
        super().__init__()
        self.queue = FairQueue(SLOTS, ROOM, ROOM_PER_USER)
        self.numbers = count()
        self.running = {}
        self.waiting = {}
        self.passed = Counter()
        self.turns = Counter()

    @rule(user=USERS, priority=st.sampled_from(Priority))
    def enter(self, user, priority):
        item = next(self.numbers)
        of_user = sum(who == user for who, _ in self.waiting.values())
        in_bulk = sum(at is BACKGROUND for _, at in self.waiting.values())
        full = len(self.waiting) >= ROOM or of_user >= ROOM_PER_USER
        full = full or (priority is BACKGROUND and in_bulk >= ROOM / 2)
        if len(self.running) < SLOTS:
            assert self.queue.enter(item, user, priority)
            self.begun(item, user)
        elif full:
            with pytest.raises(QueueFull) as refused:
                self.queue.enter(item, user, priority)
            assert refused.value.of_user is (of_user >= ROOM_PER_USER)
        else:
            assert not self.queue.enter(item, user, priority)
            self.waiting[item] = (user, priority)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end(self, data):
        item = data.draw(st.sampled_from(sorted(self.running)))
        del self.running[item]
        following = self.queue.leave(item)
        assert (following is None) is (not self.waiting)
        if following is not None:
            self.promoted(following)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def give_up(self, data):
        item = data.draw(st.sampled_from(sorted(self.waiting)))
        del self.waiting[item]
        assert self.queue.leave(item) is None

    @rule(item=st.integers(min_value=-3, max_value=-1))
    def leave_without_having_entered(self, item):
        assert self.queue.leave(item) is None

    @invariant()
    def forget_who_has_nothing_here(self):
        here = {*self.running.values(), *(who for who, _ in self.waiting.values())}
        self.turns = Counter({who: turn for who, turn in self.turns.items() if who in here})

    @invariant()
    def counts_are_those_of_what_is_in_it(self):
        assert self.queue.running == len(self.running) <= SLOTS
        assert self.queue.waiting == len(self.waiting) <= ROOM
        for priority in Priority:
            assert self.queue.waiting_at(priority) == sum(at is priority for _, at in self.waiting.values())
        for user in ("ada", "bob", "cyd"):
            assert self.queue.waiting_of(user) == sum(who == user for who, _ in self.waiting.values())

    @invariant()
    def nothing_waits_while_there_is_a_turn_to_have(self):
        assert not self.waiting or len(self.running) == SLOTS

    def promoted(self, item):
        """Check that it was this one's turn."""
        user, priority = self.waiting[item]
        first = min(at for _, at in self.waiting.values())
        assert priority is first or self.passed[priority] >= PATIENCE
        peers = {number: who for number, (who, at) in self.waiting.items() if at is priority}
        assert item == min(number for number, who in peers.items() if who == user)
        served = Counter(self.running.values())
        assert (served[user], self.turns[user]) == min((served[who], self.turns[who]) for who in peers.values())
        for at in {at for _, at in self.waiting.values()}:
            self.passed[at] += 1
        self.passed[priority] = 0
        del self.waiting[item]
        self.begun(item, user)

    def begun(self, item, user):
        self.running[item] = user
        self.turns[user] = next(self.numbers)


TestQueueing = Queueing.TestCase
TestQueueing.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def full_queue(slots=1, room=100, per_user=100, by="ada"):
    """A queue whose slots are all taken, by one user."""
    queue = FairQueue(slots, room, per_user)
    for number in range(slots):
        queue.enter(f"first {number}", by, EXPLICIT)
    return queue


def order(queue, running="first 0"):
    """End what runs, one after the other, and return who gets the turn."""
    ran = []
    while (running := queue.leave(running)) is not None:
        ran.append(running)
    return ran


def test_priorities_go_before_who_came_first():
    queue = full_queue()
    for name, priority in [("b", BACKGROUND), ("e", EXPLICIT), ("t", TYPING), ("e2", EXPLICIT)]:
        queue.enter(name, name, priority)
    assert order(queue) == ["t", "e", "e2", "b"]


def test_sixty_of_one_user_never_delay_the_first_of_another():
    queue = full_queue()
    for number in range(60):
        queue.enter(number, "ada", EXPLICIT)
    for user in ("bob", "cyd"):
        for number in range(2):
            queue.enter(f"{user} {number}", user, EXPLICIT)
    assert order(queue)[:6] == ["bob 0", "cyd 0", 0, "bob 1", "cyd 1", 1]


def test_who_has_fewer_running_goes_first():
    queue = full_queue(slots=4)
    queue.leave("first 3")
    queue.enter("of bob", "bob", EXPLICIT)
    for user in ("ada", "bob"):
        queue.enter(f"next of {user}", user, EXPLICIT)
    assert queue.leave("first 0") == "next of bob"
    assert queue.leave("first 1") == "next of ada"


@pytest.mark.parametrize("waiting", [EXPLICIT, BACKGROUND])
def test_a_priority_is_passed_over_so_often_and_not_once_more(waiting):
    queue = full_queue()
    queue.enter("patient", "bob", waiting)
    running = "first 0"
    for number in range(PATIENCE):
        queue.enter(number, "ada", TYPING)
        running = queue.leave(running)
        assert running == number
    queue.enter("typed", "ada", TYPING)
    assert queue.leave(running) == "patient"


def test_all_that_lost_patience_go_one_after_the_other():
    queue = full_queue()
    queue.enter("explicit", "bob", EXPLICIT)
    queue.enter("background", "bob", BACKGROUND)
    for number in range(PATIENCE + 5):
        queue.enter(number, "ada", TYPING)
    ran = order(queue)
    assert ran.index("explicit") == PATIENCE
    assert ran.index("background") == PATIENCE + 1


def test_patience_begins_anew_for_who_comes_later():
    queue = full_queue()
    queue.enter("gone", "bob", BACKGROUND)
    for number in range(PATIENCE + 2):
        queue.enter(number, "ada", TYPING)
    running = "first 0"
    for _ in range(PATIENCE - 1):
        running = queue.leave(running)
    queue.leave("gone")
    queue.enter("later", "bob", BACKGROUND)
    assert order(queue, running)[-1] == "later"


@pytest.mark.parametrize(("room", "allowed"), [(0, 0), (1, 1), (2, 1), (5, 3), (256, 128)])
def test_work_in_bulk_leaves_half_of_the_room_to_who_waits_for_an_answer(room, allowed):
    queue = full_queue(room=room, per_user=1000)
    for number in range(allowed):
        queue.enter(number, "ada", BACKGROUND)
    with pytest.raises(QueueFull) as refused:
        queue.enter("too many", "ada", BACKGROUND)
    assert not refused.value.of_user
    for number in range(room - allowed):
        queue.enter(f"explicit {number}", "ada", EXPLICIT)
    assert queue.waiting == room
