"""One member and its store, step by step."""

import pytest

from vswitch.ovsdb.cluster.member import Applied, Confirmed, Lost, Member, Outrun, Restored, SaveDone
from vswitch.ovsdb.cluster.store import (
    Append,
    Appended,
    Entry,
    Failed,
    Fetch,
    Fetched,
    Locate,
    Located,
    Position,
    Refused,
    Save,
    Saved,
    Snapshot,
)


def entry(index, id="", after=""):
    return Entry(Position(index, id or f"id{index}"), after or f"id{index - 1}", f"body{index}".encode())


SNAPSHOT = Snapshot(Position(1, "id1"), b"state")


def loaded(*entries):
    """A member that has read the snapshot and these entries."""
    member = Member()
    member.online()
    assert member.take_requests() == [Fetch(None)]
    head = entries[-1].position if entries else SNAPSHOT.position
    effects = list(member.receive(Fetch(None), Fetched(head, entries, SNAPSHOT)))
    assert effects == [Restored(SNAPSHOT), *(Applied(each, False) for each in entries)]
    assert member.position == head
    return member


def proposing(*entries):
    member = loaded(*entries)
    member.propose("mine", b"new")
    [append] = member.take_requests()
    assert append == Append(Entry(Position(member.position.index + 1, "mine"), member.position.id, b"new"))
    return member, append


def test_a_proposal_that_is_granted_is_applied():
    member, append = proposing(entry(2))
    assert list(member.receive(append, Appended())) == [Applied(append.entry, True)]
    assert list(member.news([append.entry])) == []  # the store shows it, too
    assert member.proposal is None


def test_a_proposal_that_the_store_shows_first_is_applied_once():
    member, append = proposing()
    assert list(member.news([append.entry])) == [Applied(append.entry, True)]
    assert list(member.receive(append, Appended())) == []


def test_a_proposal_that_loses_the_race_is_given_back():
    member, append = proposing()
    other = entry(2, "other")
    effects = list(member.receive(append, Refused(other.position, (other,))))
    assert effects == [Outrun(), Applied(other, False)]
    assert member.n_outrun == 1
    member.propose("again", b"")
    [again] = member.take_requests()
    assert again.after == other.position


def test_an_answer_that_got_lost_is_found_in_the_log():
    member, append = proposing()
    list(member.receive(append, Failed("no answer")))
    member.offline()
    member.online()
    assert member.take_requests() == [Fetch(SNAPSHOT.position)]
    effects = list(member.receive(Fetch(SNAPSHOT.position), Fetched(append.entry.position, (append.entry,))))
    assert effects == [Applied(append.entry, True)]


def test_a_request_that_got_lost_is_sent_again_as_it_was():
    member, append = proposing()
    member.offline()
    member.online()
    member.take_requests()
    assert list(member.receive(Fetch(SNAPSHOT.position), Fetched(SNAPSHOT.position, ()))) == []
    assert member.take_requests() == [append]
    # The first one gets through after all, so that the second is refused.
    assert list(member.receive(append, Refused(append.entry.position, (append.entry,)))) == [
        Applied(append.entry, True)
    ]


def test_if_the_log_was_cut_nobody_knows():
    member, append = proposing()
    newer = Snapshot(Position(9, "id9"), b"newer")
    assert list(member.receive(append, Refused(newer.position, ()))) == []
    assert member.take_requests() == [Fetch(SNAPSHOT.position)]
    assert list(member.receive(Fetch(SNAPSHOT.position), Fetched(newer.position, ()))) == []
    assert member.take_requests() == [Fetch(None)]
    assert list(member.receive(Fetch(None), Fetched(newer.position, (), newer))) == [Lost(), Restored(newer)]
    assert member.n_restored == 2


def test_entries_out_of_order_wait_for_those_before():
    member = loaded()
    assert list(member.news([entry(3)])) == []
    assert member.take_requests() == [Fetch(SNAPSHOT.position)]
    assert list(member.news([entry(2), entry(3), entry(2)])) == [
        Applied(entry(2), False),
        Applied(entry(3), False),
    ]
    assert (
        list(member.receive(Fetch(SNAPSHOT.position), Fetched(entry(3).position, (entry(2), entry(3))))) == []
    )
    assert member.take_requests() == []


@pytest.mark.parametrize(
    "head", [entry(2, "elsewhere"), entry(3, "elsewhere2", "elsewhere")], ids=["same length", "longer"]
)
def test_a_store_that_was_put_back_is_read_anew(head):
    """etcd restored from a backup: the history that we know is not the one that goes on."""
    member = loaded(entry(2))
    member.offline()
    member.online()
    member.take_requests()
    entries = (head,) if head.position.index == 3 else ()
    effects = list(member.receive(Fetch(entry(2).position), Fetched(head.position, entries)))
    assert effects == []
    assert member.take_requests() == [Fetch(None)]
    other = (entry(2, "elsewhere"), *entries)
    effects = list(member.receive(Fetch(None), Fetched(head.position, other, SNAPSHOT)))
    assert effects == [Restored(SNAPSHOT), *(Applied(each, False) for each in other)]


def test_a_shorter_store_is_read_anew():
    member = loaded(entry(2), entry(3))
    member.offline()
    member.online()
    member.take_requests()
    assert list(member.receive(Fetch(entry(3).position), Fetched(entry(2).position, ()))) == []
    assert member.take_requests() == [Fetch(None)]
    effects = list(member.receive(Fetch(None), Fetched(entry(2).position, (entry(2),), SNAPSHOT)))
    assert effects == [Restored(SNAPSHOT), Applied(entry(2), False)]


def test_a_snapshot_of_the_same_history_changes_nothing():
    member = loaded(entry(2))
    member.offline()
    member.online()
    member.take_requests()
    member._fetching = None
    member._fetch(None)
    effects = list(member.receive(Fetch(None), Fetched(entry(3).position, (entry(2), entry(3)), SNAPSHOT)))
    assert effects == [Applied(entry(3), False)]


def test_a_position_is_confirmed_when_it_is_reached():
    member = loaded()
    member.confirm()
    [question] = member.take_requests()
    assert list(member.receive(question, Located(entry(2).position))) == []
    assert member.take_requests() == [Fetch(SNAPSHOT.position)]
    assert list(member.news([entry(2)])) == [Applied(entry(2), False), Confirmed()]
    list(member.receive(Fetch(SNAPSHOT.position), Fetched(entry(2).position, (entry(2),))))
    member.confirm()
    [second] = member.take_requests()
    assert list(member.receive(question, Located(entry(2).position))) == []  # of the first question
    assert list(member.receive(second, Located(entry(2).position))) == [Confirmed()]


def test_a_question_is_asked_again_after_a_break():
    member = loaded()
    member.confirm()
    assert member.take_requests() == [Locate(1)]
    member.offline()
    member.online()
    member.take_requests()
    list(member.receive(Fetch(SNAPSHOT.position), Fetched(SNAPSHOT.position, ())))
    assert member.take_requests() == [Locate(1)]


def test_starting_over_reads_everything_anew():
    member, _ = proposing(entry(2))
    member.confirm()
    member.start_over()
    member.online()
    assert member.take_requests() == [Fetch(None)]
    effects = list(member.receive(Fetch(None), Fetched(SNAPSHOT.position, (), SNAPSHOT)))
    assert effects == [Lost(), Restored(SNAPSHOT)]


def test_saving_is_answered():
    member = loaded(entry(2))
    member.save(Snapshot(member.position, b"state"), 1)
    [save] = member.take_requests()
    assert save == Save(Snapshot(Position(2, "id2"), b"state"), 1)
    assert list(member.receive(save, Saved())) == [SaveDone()]
    assert list(member.receive(save, Failed("full"))) == [SaveDone("full")]


def test_an_answer_has_to_fit():
    with pytest.raises(TypeError):
        list(loaded().receive(Locate(1), Saved()))


def test_positions_have_a_text():
    assert Position.parse(str(Position(7, "x"))) == Position(7, "x")
