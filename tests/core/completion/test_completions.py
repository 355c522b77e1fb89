"""Each request is answered at once, waits, or asks; and whatever happens, a proposal fits the text at the cursor."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from codetune_core.completion.completions import Ask, Completions, Hit, Wait
from codetune_core.completion.place import Place
from codetune_core.domain.document import Document

URI = "file:///a.py"


class Session:
    """One user, one document, and a clock."""

    def __init__(self):
        self.completions, self.now = Completions(), 0.0

    def ask(self, marked, passed=0.2, **options):
        before, after = marked.split("|")
        self.now += passed
        document = Document(URI, before + after, "python")
        return self.completions.ask(document, document.position(len(before)), self.now, **options)

    def begin(self, marked):
        ask = self.ask(marked)
        assert isinstance(ask, Ask)
        return self.completions.begin(ask, self.now + ask.delay)

    def complete(self, marked, text, seconds=0.5):
        flight = self.begin(marked)
        self.completions.grew(flight, text)
        self.now += seconds
        return self.completions.finished(flight, self.now)


def test_the_first_request_asks_with_the_context_after_a_delay():
    ask = Session().ask("x = |\n")
    assert isinstance(ask, Ask)
    assert (ask.context.before, ask.context.after) == ("x = ", "\n")
    assert ask.delay > 0


def test_what_is_typed_of_a_proposal_needs_no_call_and_neither_does_deleting_it():
    session = Session()
    assert session.complete("x = |\n", "total(a)") == "total(a)"
    assert session.ask("x = |\n") == Hit("total(a)")
    assert session.ask("x = tot|\n") == Hit("al(a)")
    assert session.ask("x = t|\n") == Hit("otal(a)")
    assert session.ask("x = |\n") == Hit("total(a)")


def test_a_proposal_is_not_repeated_to_who_deletes_what_stood_before_it():
    session = Session()
    session.complete("x = |\n", "total(a)")
    assert isinstance(session.ask("x =|\n"), Ask)


def test_an_earlier_proposal_comes_back_where_it_fits_again():
    session = Session()
    session.complete("x = |\n", "total(a)")
    session.complete("x = s|\n", "um(a)")
    assert session.ask("x = |\n") == Hit("total(a)")
    assert session.ask("x = s|\n") == Hit("um(a)")


def test_while_a_request_may_still_fit_it_is_waited_for():
    session = Session()
    flight = session.begin("x = |\n")
    assert session.ask("x = t|\n") == Wait(flight)
    session.completions.grew(flight, "total(a)")
    session.completions.finished(flight, session.now)
    assert session.ask("x = t|\n") == Hit("otal(a)")


def test_a_request_that_no_longer_fits_is_cancelled_by_the_next():
    session = Session()
    flight = session.begin("x = |\n")
    session.completions.grew(flight, "tot")
    ask = session.ask("x = su|\n")
    assert isinstance(ask, Ask)
    assert ask.cancel is flight


def test_only_the_latest_request_begins():
    session = Session()
    first, second = session.ask("x = |\n"), session.ask("x = t|\n")
    assert session.completions.begin(first, session.now) is None
    assert session.completions.begin(second, session.now) is not None
    assert session.completions.begin(second, session.now) is None


def test_who_waited_in_vain_asks_without_another_delay():
    session = Session()
    flight = session.begin("x = |\n")
    assert isinstance(session.ask("x = s|\n"), Wait)
    session.completions.grew(flight, "total(a)")
    session.completions.finished(flight, session.now)
    ask = session.ask("x = s|\n", passed=2.0)
    assert isinstance(ask, Ask)
    assert ask.delay == 0


def test_a_request_that_failed_is_not_waited_for():
    session = Session()
    flight = session.begin("x = |\n")
    session.completions.gave_up(flight)
    assert isinstance(session.ask("x = |\n"), Ask)


def test_that_there_is_nothing_to_propose_is_not_asked_twice():
    session = Session()
    assert session.complete("x = 1|\n", "\n\n") == ""
    assert session.ask("x = 1|\n") == Hit("")


@pytest.mark.parametrize("marked", ["|", "  \n|", "to|tal = 1\n"])
def test_where_nothing_can_be_proposed_nothing_is_asked_unless_the_user_asks(marked):
    assert Session().ask(marked) == Hit("")
    assert isinstance(Session().ask(marked, invoked=True), Ask)


def test_who_asks_by_a_key_is_not_kept_waiting():
    assert Session().ask("x = |\n", invoked=True).delay == 0


def test_an_engine_is_stopped_when_the_block_is_whole():
    completions, session = None, Session()
    flight = session.begin("def f():|\n")
    completions = session.completions
    assert not completions.grew(flight, "\n    return 1\n")
    assert completions.grew(flight, "\ndef g():\n")
    assert completions.finished(flight, session.now) == "\n    return 1"


def test_the_last_line_of_an_answer_that_was_cut_off_is_left_out():
    session = Session()
    flight = session.begin("def f():|\n")
    session.completions.grew(flight, "\n    a = 1\n    b = comp")
    assert session.completions.finished(flight, session.now, truncated=True) == "\n    a = 1"


class Interleavings(RuleBasedStateMachine):
    """Typing, deleting, jumping, automatic brackets, and answers that come whenever they like."""

    def __init__(self):
        super().__init__()
        self.completions, self.now = Completions(), 0.0
        self.before, self.after = "a = b\n", "\nc"
        self.answers, self.flight, self.ask, self.answer = [], None, None, None

    @property
    def place(self):
        return Place(URI, self.before, self.after, "python")

    def edited(self, seconds=0.1):
        self.now += seconds
        document = Document(URI, self.before + self.after, "python")
        self.answer = self.completions.ask(document, document.position(len(self.before)), self.now)
        if isinstance(self.answer, Ask):
            self.ask = self.answer
            if self.ask.cancel:
                assert self.ask.cancel is self.flight
                self.flight = None

    @rule(text=st.text(alphabet="ab(\n ", min_size=1, max_size=3))
    def types(self, text):
        self.before += text
        self.edited()

    @precondition(lambda self: isinstance(self.answer, Hit) and self.answer.text)
    @rule(size=st.integers(1, 4))
    def types_what_is_proposed(self, size):
        left = self.answer.text
        self.before += left[:size]
        self.edited()
        if len(left) > size:
            assert isinstance(self.answer, Hit)

    @rule()
    def opens_a_bracket_that_the_editor_closes(self):
        self.before, self.after = self.before + "(", ")" + self.after
        self.edited()

    @rule(size=st.integers(1, 4))
    def deletes(self, size):
        self.before = self.before[:-size]
        self.edited()

    @rule(size=st.integers(0, 8))
    def jumps(self, size):
        text = self.before + self.after
        self.before, self.after = text[:size], text[size:]
        self.edited()

    @precondition(lambda self: self.ask is not None)
    @rule()
    def the_delay_is_over(self):
        flight = self.completions.begin(self.ask, self.now)
        assert flight is None or flight.place == self.place
        self.flight = flight or self.flight

    @precondition(lambda self: self.flight is not None)
    @rule(text=st.text(alphabet="ab()\n ", min_size=1, max_size=12), ends=st.booleans())
    def the_engine_writes(self, text, ends):
        self.completions.grew(self.flight, text)
        if ends:
            flight, self.flight = self.flight, None
            self.answers.append((flight.place, self.completions.finished(flight, self.now)))
            self.edited(0)

    @precondition(lambda self: self.flight is not None)
    @rule()
    def the_engine_fails(self):
        self.completions.gave_up(self.flight)
        self.flight = None
        self.edited(0)

    @invariant()
    def a_proposal_leads_to_what_was_proposed(self):
        if not isinstance(self.answer, Hit) or not self.answer.text:
            return
        inserted = self.before + self.answer.text
        assert any(
            (origin.before + text).startswith(inserted + self.after[: len(self.after) - len(origin.after)])
            and self.after.endswith(origin.after)
            and len(origin.before) <= len(self.before)
            for origin, text in self.answers
        )

    @invariant()
    def who_waits_waits_for_what_runs(self):
        assert not isinstance(self.answer, Wait) or self.answer.flight is self.flight


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
