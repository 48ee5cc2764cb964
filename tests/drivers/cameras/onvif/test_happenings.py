"""What notifications of several makers say, and which of them are news."""

from __future__ import annotations

from itertools import pairwise

import pytest
from fakes.onvif_answers import TT
from fakes.onvif_events import WSNT, notification_of
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from drivers.cameras.onvif.envelope import every, opened
from drivers.cameras.onvif.happenings import EXPIRES_MS, MOST_SOURCES, QUIET_MS, News, happening

T0 = 1_800_000_000_000


def element(xml: str):
    return etree.fromstring(f'<x xmlns:wsnt="{WSNT}" xmlns:tt="{TT}">{xml}</x>')[0]


def motion(active: bool, source: str = "1", operation: str = "Changed"):
    return element(
        notification_of(
            "tns1:VideoSource/MotionAlarm", {"Source": source}, {"State": str(active).lower()}, operation
        )
    )


@pytest.mark.parametrize(
    ("topic", "data", "kind", "plain", "active"),
    [
        ("tns1:VideoSource/MotionAlarm", {"State": "true"}, "motion", "VideoSource/MotionAlarm", True),
        ("tns1:VideoSource/tns1:MotionAlarm/.", {"State": "0"}, "motion", "VideoSource/MotionAlarm", False),
        ("tns1:RuleEngine/CellMotionDetector/Motion", {"IsMotion": "1"}, "motion", "RuleEngine/CellMotionDetector/Motion", True),
        (" tns1:RuleEngine/CellMotionDetector/Motion//. ", {"IsMotion": "False"}, "motion", "RuleEngine/CellMotionDetector/Motion", False),
        ("tns1:RuleEngine/TamperDetector/Tamper", {"IsTamper": "true"}, "tamper", "RuleEngine/TamperDetector/Tamper", True),
        ("tns1:VideoSource/GlobalSceneChange/ImagingService", {"State": "true"}, "tamper", "VideoSource/GlobalSceneChange/ImagingService", True),
        ("tns1:RuleEngine/MyRuleDetector/PeopleDetect", {"State": "true"}, "motion", "RuleEngine/MyRuleDetector/PeopleDetect", True),
        ("tns1:RuleEngine/MyRuleDetector/Visitor", {"State": "true"}, "other", "RuleEngine/MyRuleDetector/Visitor", True),
        ("tns1:RuleEngine/FieldDetector/ObjectsInside", {"ObjectId": "1", "IsInside": "false"}, "motion", "RuleEngine/FieldDetector/ObjectsInside", False),
        ("tns1:RuleEngine/LineDetector/Crossed", {"ObjectId": "15"}, "motion", "RuleEngine/LineDetector/Crossed", None),
        ("tns1:Device/Trigger/DigitalInput", {"LogicalState": "true"}, "other", "Device/Trigger/DigitalInput", True),
        ("MotionAlarm", {}, "motion", "MotionAlarm", None),
    ],
)  # fmt: skip
def test_topics_of_several_makers(topic, data, kind, plain, active):
    said = happening(element(notification_of(topic, {"VideoSourceConfigurationToken": "vs1"}, data)), T0)
    assert (said.kind, said.topic, said.active, said.source) == (kind, plain, active, "vs1")
    assert (said.at_ms, said.initial) == (T0, False)


def test_first_states_and_deleted_ones():
    assert happening(motion(active=True, operation="Initialized"), T0).initial
    assert happening(motion(active=True, operation="Deleted"), T0).active is False


@pytest.mark.parametrize(
    "xml",
    [
        "<wsnt:NotificationMessage/>",
        "<wsnt:NotificationMessage><wsnt:Topic/></wsnt:NotificationMessage>",
        "<wsnt:NotificationMessage><wsnt:Topic>tns1:Monitoring</wsnt:Topic></wsnt:NotificationMessage>",
        notification_of(" /. ", {}, {"State": "true"}),
    ],
)
def test_what_says_nothing_is_skipped_and_counted(xml):
    news = News()
    assert news.feed(element(xml), T0) is None
    assert news.skipped == 1


def test_attributes_without_quotes_are_understood():
    data = notification_of("tns1:RuleEngine/CellMotionDetector/Motion", {"Rule": "r1"}, {"IsMotion": "true"})
    data = data.replace('Value="true"', "Value=true").replace('Name="IsMotion"', "Name=IsMotion")
    envelope = (
        f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="{TT}" xmlns:wsnt="{WSNT}">'
        f"<s:Body><x>{data}</x></s:Body></s:Envelope>"
    )
    (notification,) = every(opened(envelope.encode(), 200, "camera"), "NotificationMessage")
    assert happening(notification, T0).active is True


def test_repetitions_are_no_news():
    news = News()
    assert news.feed(motion(active=True), T0).active is True
    assert [news.feed(motion(active=True), T0 + each * QUIET_MS) for each in range(1, 9)] == [None] * 8
    assert news.coalesced == 8
    assert news.feed(motion(active=False), T0 + 9 * QUIET_MS).active is False


def test_sources_are_told_apart():
    news = News()
    assert [news.feed(motion(active=True, source=name), T0).source for name in ("1", "2")] == ["1", "2"]


def test_a_storm_tells_its_first_and_its_last_word():
    news = News()
    told = [news.feed(motion(active=each % 2 == 0), T0 + each * 19) for each in range(51)]
    told += news.settle(T0 + 51 * 19)
    assert [one.active for one in told if one] == [True]
    assert news.feed(motion(active=False), T0 + 51 * 19) is None
    assert news.settle(T0 + QUIET_MS - 1) == []
    (last,) = news.settle(T0 + QUIET_MS)
    assert (last.active, last.at_ms) == (False, T0 + QUIET_MS)
    assert news.settle(T0 + 5 * QUIET_MS) == []


def test_what_never_ends_has_ended_after_a_while():
    news = News()
    news.feed(motion(active=True), T0)
    news.feed(motion(active=True), T0 + 60_000)
    assert news.settle(T0 + 60_000 + EXPIRES_MS - 1) == []
    (ended,) = news.settle(T0 + 60_000 + EXPIRES_MS)
    assert (ended.active, ended.initial) == (False, False)
    assert news.settle(T0 + 60_000 + 3 * EXPIRES_MS) == []


def test_a_clock_that_is_set_back_holds_nothing_up():
    news = News()
    news.feed(motion(active=True), T0)
    assert news.feed(motion(active=False), T0 - 3_600_000).active is False


def test_sources_are_bounded_and_old_ones_make_room():
    news = News()
    for each in range(MOST_SOURCES):
        assert news.feed(motion(active=False, source=str(each)), T0)
    assert news.feed(motion(active=True, source="new"), T0 + 1) is None
    assert news.skipped == 1
    assert news.feed(motion(active=True, source="new"), T0 + EXPIRES_MS).source == "new"


@given(st.lists(st.tuples(st.integers(0, 1500), st.sampled_from([True, False])), max_size=80))
def test_what_is_told_alternates_is_bounded_and_ends_as_the_camera_does(steps):
    news, told, at_ms = News(), [], T0
    for passed_ms, active in steps:
        at_ms += passed_ms
        told += news.settle(at_ms)
        one = news.feed(motion(active=active), at_ms)
        told += [one] if one else []
    told += news.settle(at_ms + QUIET_MS)
    states = [one.active for one in told]
    assert all(before is not after for before, after in pairwise(states))
    assert len(told) <= (at_ms - T0) / QUIET_MS + 2
    assert not steps or states[-1] is steps[-1][1]
