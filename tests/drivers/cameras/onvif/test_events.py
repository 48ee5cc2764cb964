"""Alarms of a loopback camera: followed for ever, whatever it does, and its places given back."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import pytest
from fakes.onvif_camera import PASSWORD, USER, FakeCamera, Quirks
from fakes.onvif_events import EventQuirks, FakeEvents
from fakes.waiting import wait_until_async

from drivers.cameras.access import Credentials, Trust
from drivers.cameras.onvif.camera import OnvifCamera
from drivers.cameras.onvif.events import Alarms, Pace

MOTION = "tns1:RuleEngine/CellMotionDetector/Motion"
FAST = Pace(pull_s=0.1, first_s=60, term_s=600, retry_s=0.02, longest_retry_s=0.1, pause_s=0.01)
SHORT = Pace(pull_s=0.05, first_s=0.4, term_s=0.5, retry_s=0.02, longest_retry_s=0.1, pause_s=0.01)


def now_ms() -> int:
    return round(time.time() * 1000)


class Followed:
    """One camera's alarms while they are followed: `told` is what came."""

    def __init__(self, fake: FakeCamera, events: FakeEvents, client: OnvifCamera, pace: Pace) -> None:
        self.fake, self.events = fake, events
        self.told = []
        self.alarms = Alarms(client, "/onvif/events", now_ms, pace)

    async def until_told(self, count: int) -> None:
        await wait_until_async(lambda: len(self.told) >= count)

    async def until_pulled(self, more: int = 1) -> None:
        wanted = self.events.calls["PullMessages"] + more
        await wait_until_async(lambda: self.events.calls["PullMessages"] >= wanted)


@asynccontextmanager
async def followed(*, pace: Pace = FAST, quirks: Quirks | None = None, **event_quirks):
    """The camera is left as one leaves: the task is cancelled; nothing is held then."""
    events = FakeEvents(quirks=EventQuirks(**event_quirks))
    async with FakeCamera(events=events, quirks=quirks) as fake:
        events.netloc = f"127.0.0.1:{fake.port}"
        credentials = Credentials(USER, PASSWORD)
        async with OnvifCamera(
            fake.host, fake.port, credentials=credentials, trust=Trust(), now=now_ms, timeout_s=2.0
        ) as client:
            it = Followed(fake, events, client, pace)
            task = asyncio.create_task(it.alarms.run(it.told.append))
            try:
                yield it
            finally:
                task.cancel()
                await asyncio.wait([task], timeout=5)
                assert task.cancelled()
        assert events.most_held <= 1


async def test_motion_is_told_and_the_place_given_back():
    async with followed() as it:
        await it.until_pulled()
        it.events.emit(MOTION, IsMotion="true")
        await it.until_told(1)
        assert (it.told[0].kind, it.told[0].active, it.told[0].source) == ("motion", True, "video_source_1")
        assert abs(it.told[0].at_ms - now_ms()) < 5000
        assert (it.alarms.is_subscribed, it.alarms.reason, it.events.held) == (True, "", 1)
    assert it.events.held == 0
    assert it.events.calls["Unsubscribe"] == 1


async def test_states_are_known_from_the_start():
    async with followed() as it:
        await it.until_pulled()
        it.events.emit(MOTION, IsMotion="true")
        await it.until_told(1)
        it.events.forget()
        await wait_until_async(lambda: it.alarms.subscribed == 2)
        await it.until_pulled(2)
        assert len(it.told) == 1  # the same state again is no news
        it.events.emit("tns1:VideoSource/MotionAlarm", "other", State="false", operation="Initialized")
        await it.until_told(2)
        assert it.told[1].initial


async def test_a_camera_that_cannot_synchronise_is_followed_all_the_same():
    async with followed(unsynchronised=True) as it:
        await it.until_pulled()
        it.events.emit(MOTION, IsMotion="true")
        await it.until_told(1)


async def test_one_place_is_enough_and_is_renewed():
    async with followed(slots=1, pace=SHORT) as it:
        await wait_until_async(lambda: it.events.calls["Renew"] >= 3)
        it.events.emit(MOTION, IsMotion="true")
        await it.until_told(1)
        assert it.alarms.subscribed == 1
        assert it.events.terms[:2] == ["PT0.4S", "PT0.5S"]
    assert it.events.held == 0


async def test_renewal_to_a_time_of_day_where_durations_are_refused():
    async with followed(refuses_relative=True, pace=SHORT) as it:
        await wait_until_async(lambda: it.events.calls["Renew"] >= 2)
        await it.until_pulled()
        assert it.alarms.subscribed == 1
        assert it.events.terms[1].endswith("Z")


async def test_where_renewal_fails_a_new_place_is_taken_after_the_old_one_is_given_back():
    async with followed(slots=1, refuses_renew=True, pace=SHORT) as it:
        await wait_until_async(lambda: it.alarms.subscribed >= 3)
        it.events.emit(MOTION, IsMotion="true")
        await it.until_told(1)
        assert it.events.calls["Unsubscribe"] >= 2
        assert it.events.terms[:2] == ["PT0.4S", "PT0.5S"]  # a longer one, as it cannot be renewed
    assert it.events.held == 0


async def test_the_cameras_own_term_is_gone_by():
    pace = Pace(pull_s=0.05, first_s=60, term_s=600, retry_s=0.02, longest_retry_s=0.1, pause_s=0.01)
    async with followed(term_s=0.5, pace=pace) as it:
        await wait_until_async(lambda: it.events.calls["Renew"] >= 2)
        assert it.alarms.subscribed == 1


async def test_a_term_that_is_refused_is_left_to_the_camera():
    async with followed(refuses_term=True) as it:
        await it.until_pulled()
        assert it.events.terms == [""]


async def test_places_that_others_left_are_waited_for():
    async with followed(slots=1) as it:
        it.events.occupy(1, 0.5)  # until they run out
        await wait_until_async(lambda: it.alarms.reason == "refused")
        assert "No more subscriptions" in it.alarms.message
        await it.until_pulled()
        await wait_until_async(lambda: it.alarms.reason == "")


@pytest.mark.parametrize("faults", [1, 5])
async def test_faults_end_a_subscription_and_the_next_one_is_made(faults):
    async with followed(pull_faults=faults) as it:
        await wait_until_async(lambda: it.alarms.subscribed == faults + 1)
        await it.until_pulled()
        it.events.emit(MOTION, IsMotion="true")
        await it.until_told(1)
        assert it.events.calls["Unsubscribe"] == faults


async def test_a_closed_connection_keeps_the_subscription():
    async with followed() as it:
        await it.until_pulled()
        it.fake.quirks.hangs_up = 4
        await wait_until_async(lambda: it.fake.quirks.hangs_up == 0)
        await it.until_pulled(2)
        it.events.emit(MOTION, IsMotion="true")
        await it.until_told(1)
        assert it.alarms.subscribed == 1


async def test_a_reboot_in_the_middle():
    async with followed() as it:
        await it.until_pulled()
        await it.fake.reboot()
        await wait_until_async(lambda: it.alarms.subscribed == 2)
        await it.until_pulled()
        it.events.emit(MOTION, IsMotion="true")
        await it.until_told(1)
        assert it.events.held == 1


@pytest.mark.parametrize("address", ["192.0.2.77:{port}", "192.0.2.77:1", "camera.invalid"])
async def test_an_address_that_leads_nowhere_is_put_right(address):
    async with followed() as it:
        it.events.quirks.address = address.format(port=it.fake.port)
        it.events.forget()
        subscribed = it.alarms.subscribed
        await wait_until_async(lambda: it.alarms.subscribed > subscribed)
        await it.until_pulled(3)
        it.events.emit(MOTION, IsMotion="true")
        await it.until_told(1)
    assert it.events.held == 0


async def test_a_subscription_on_another_port_is_found_there():
    async with followed() as it, FakeCamera(events=it.events) as other:
        await it.until_pulled()
        it.events.quirks.address = f"192.0.2.77:{other.port}"
        it.events.forget()
        await wait_until_async(lambda: other.requests["PullMessages"] > 1)
        it.events.emit(MOTION, IsMotion="true")
        await it.until_told(1)
        it.events.quirks.address = ""
        it.events.forget()
        await wait_until_async(lambda: it.alarms.subscribed == 3)


async def test_subscriptions_behind_one_path_are_told_apart_by_their_parameters():
    async with followed(parameters=True) as it:
        await it.until_pulled()
        it.events.emit(MOTION, IsMotion="true")
        await it.until_told(1)
    assert it.events.held == 0


async def test_pulls_that_are_always_empty_do_not_spin():
    pace = Pace(pull_s=5, pause_s=0.1, retry_s=0.02, longest_retry_s=0.1)
    async with followed(empty=True, at_once=True, pace=pace) as it:
        began_s = time.monotonic()
        await it.until_pulled(5)
        assert time.monotonic() - began_s >= 0.35
        assert (it.told, it.alarms.reason) == ([], "")


async def test_a_storm_is_few_happenings():
    async with followed() as it:
        await it.until_pulled()
        for each in range(100):
            it.events.emit(MOTION, IsMotion="true" if each % 2 == 0 else "false", times=5)
        await wait_until_async(lambda: it.alarms.notified == 500)
        await it.until_told(2)
        assert [one.active for one in it.told] == [True, False]
        assert it.alarms.news.coalesced == 498


async def test_odd_notifications_are_counted_and_the_rest_told():
    async with followed(quirks=Quirks(unquoted=True)) as it:
        await it.until_pulled()
        it.events.emit_xml("<wsnt:NotificationMessage><wsnt:Topic>x</wsnt:Topic></wsnt:NotificationMessage>")
        it.events.emit(MOTION, IsMotion="true")
        await it.until_told(1)
        assert it.alarms.news.skipped == 1


async def test_a_wrong_password_is_said_and_tried_seldom():
    async with followed() as it:
        await it.until_pulled()
        it.fake.password = "another"
        await wait_until_async(lambda: it.alarms.reason == "unauthorised")
        it.fake.password = PASSWORD
        await wait_until_async(lambda: it.alarms.reason == "")
        await it.until_pulled()
        assert it.alarms.subscribed == 1


async def test_leaving_while_the_camera_makes_the_subscription_leaks_none():
    async with followed(slow_create_s=0.3) as it:
        await wait_until_async(lambda: it.events.held == 1)
        assert not it.alarms.is_subscribed
    assert it.events.held == 0


async def test_leaving_a_camera_that_is_gone_takes_no_longer_than_it_may():
    async with followed() as it:
        await it.until_pulled()
        await it.fake.switch_off()
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 4
