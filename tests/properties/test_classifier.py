"""The two properties that make a cache of megaflows sound, whatever the rules are."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from vswitch.flow.classifier import Classifier
from vswitch.flow.field import Flow, Mask
from vswitch.flow.fields import ETH_TYPE, IN_PORT, IP_DST, IP_PROTO, IP_SRC, METADATA, TP_DST, TP_SRC
from vswitch.flow.match import Match


@dataclass(frozen=True, eq=False)
class Rule:
    match: Match
    priority: int


# Few masks and few values, so that rules overlap often; prefixes, so that their lengths interact.
FIELDS = (METADATA, IN_PORT, ETH_TYPE, IP_PROTO, IP_SRC, IP_DST, TP_SRC, TP_DST)
ADDRESSES = [0x0A000001, 0x0A000002, 0x0A000100, 0x0A010000, 0x0B000000, 0x8A000001]
VALUES = {
    METADATA: [0, 1],
    IN_PORT: [1, 2],
    ETH_TYPE: [0x0800, 0x0806],
    IP_PROTO: [6, 17],
    IP_SRC: ADDRESSES,
    IP_DST: ADDRESSES,
    TP_SRC: [0, 1, 80, 0x8000],
    TP_DST: [0, 1, 81, 0xFFFF],
}
MASKS = {
    IP_SRC: [(1 << 32) - (1 << (32 - n)) for n in (1, 8, 15, 16, 24, 31, 32)] + [0xFF0000FF],
    IP_DST: [(1 << 32) - (1 << (32 - n)) for n in (8, 16, 32)],
    TP_SRC: [0xFFFF, 0xFF00],
    TP_DST: [0xFFFF, 0x0001],
}


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    flow = Flow(0)
    for field in FIELDS:
        flow = field.put(flow, draw(st.sampled_from(VALUES[field])))
    return flow


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    mask = 0
    for field in draw(st.sets(st.sampled_from(FIELDS), max_size=4)):
        mask |= field.under(draw(st.sampled_from(MASKS.get(field, [field.ones]))))
    if mask & (IP_SRC.mask | IP_DST.mask):
        mask |= ETH_TYPE.mask  # as every match on an address does
    return Rule(Match(Flow(draw(flows()) & mask), Mask(mask)), draw(st.integers(0, 5)))


def classifier_of(some: list[Rule]) -> Classifier[Rule]:
    classifier: Classifier[Rule] = Classifier()
    for rule in some:
        if classifier.find(rule.match, rule.priority) is None:
            classifier.insert(rule)
    return classifier


def linear_search(some: Classifier[Rule], flow: Flow) -> int | None:
    return max((rule.priority for rule in some if rule.match.matches(flow)), default=None)


@given(st.lists(rules(), max_size=30), flows())
def test_agrees_with_linear_search(some: list[Rule], flow: Flow) -> None:
    classifier = classifier_of(some)
    found, _ = classifier.lookup(flow)
    assert (found and found.priority) == linear_search(classifier, flow)


@given(st.lists(rules(), max_size=30), flows(), flows())
def test_bits_outside_the_returned_mask_do_not_matter(some: list[Rule], flow: Flow, other: Flow) -> None:
    classifier = classifier_of(some)
    rule, mask = classifier.lookup(flow)
    changed = Flow(flow & mask | other & ~mask)
    again, _ = classifier.lookup(changed)
    assert (rule and rule.priority) == (again and again.priority)
    assert rule is None or rule.match.matches(changed)


@given(st.lists(rules(), max_size=30), st.data())
def test_what_is_removed_leaves_no_trace(some: list[Rule], data: st.DataObject) -> None:
    classifier = classifier_of(some)
    kept = []
    for rule in list(classifier):
        if data.draw(st.booleans()):
            classifier.remove(rule)
        else:
            kept.append(rule)
    fresh = classifier_of(kept)
    flow = data.draw(flows())
    found, mask = classifier.lookup(flow)
    expected, expected_mask = fresh.lookup(flow)
    assert (found and found.priority, mask) == (expected and expected.priority, expected_mask)
    assert len(classifier) == len(kept)


@given(st.lists(rules(), max_size=30), rules())
def test_within_and_overlapping_are_what_their_definitions_say(some: list[Rule], probe: Rule) -> None:
    classifier = classifier_of(some)
    match = probe.match
    inside = {
        rule
        for rule in classifier
        if rule.match.mask & match.mask == match.mask and rule.match.value & match.mask == match.value
    }
    assert set(classifier.within(match)) == inside
    overlapping = {
        rule
        for rule in classifier
        if rule.priority == probe.priority
        and not (rule.match.value ^ match.value) & rule.match.mask & match.mask
    }
    assert set(classifier.overlapping(match, probe.priority)) == overlapping


@given(st.lists(rules(), max_size=8), st.lists(flows(), max_size=4))
def test_replaced_rules_are_found_in_the_place_of_the_old_ones(some: list[Rule], asked: list[Flow]) -> None:
    classifier = classifier_of(some)
    before = [classifier.lookup(flow) for flow in asked]
    new = {rule: Rule(rule.match, rule.priority) for rule in classifier}
    for old, rule in new.items():
        classifier.replace(old, rule)
    assert len(classifier) == len(new)
    assert [classifier.lookup(flow) for flow in asked] == [
        (None if found is None else new[found], mask) for found, mask in before
    ]


@given(st.lists(rules(), max_size=8), st.lists(rules(), max_size=8), st.lists(flows(), max_size=4))
def test_a_cleared_classifier_is_as_new(some: list[Rule], others: list[Rule], asked: list[Flow]) -> None:
    classifier = classifier_of(some)
    for flow in asked:
        classifier.lookup(flow)
    classifier.clear()
    assert (len(classifier), list(classifier)) == (0, [])
    for rule in others:
        if classifier.find(rule.match, rule.priority) is None:
            classifier.insert(rule)
    fresh = classifier_of(others)
    assert [classifier.lookup(flow) for flow in asked] == [fresh.lookup(flow) for flow in asked]


@given(st.lists(rules(), max_size=30), st.lists(rules(), max_size=5), st.lists(flows(), max_size=4))
def test_what_is_taken_out_and_put_back_is_as_it_was(
    some: list[Rule], meanwhile: list[Rule], asked: list[Flow]
) -> None:
    classifier = classifier_of(some)
    for flow in asked[:2]:
        classifier.lookup(flow)
    expected = list(classifier)
    answers = [classifier_of(some).lookup(flow) for flow in asked]
    contents = classifier.take_all()
    assert list(contents) == expected
    assert (len(classifier), list(classifier)) == (0, [])
    for rule in meanwhile:
        classifier.insert(rule)
    assert [classifier.lookup(flow) for flow in asked] == [
        classifier_of(meanwhile).lookup(flow) for flow in asked
    ]
    classifier.take_all()
    classifier.put_all(contents)
    assert (len(classifier), list(classifier)) == (len(expected), expected)
    again = [classifier.lookup(flow) for flow in asked]
    assert [(found and found.priority, mask) for found, mask in again] == [
        (found and found.priority, mask) for found, mask in answers
    ]
    assert list(contents.containers()) == []
