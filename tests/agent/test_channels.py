"""What each channel is judged by: the property table's limits, with the configuration's laid over them."""

from __future__ import annotations

from dataclasses import fields

import pytest
from fakes.judged import HEAD, device, loaded

from agent import inventory
from agent.channels import KEYS, OWN_FORMS
from agent.errors import ConfigError
from agent.judge.judgement import ChannelPlan, compose
from agent.wire import ChannelFacts
from firmware_profiles.properties import properties, property_of
from pipelines.events import Source
from pipelines.quality.across import JumpLimits, NeighbourLimits
from pipelines.reduction.forms import Form

LABELLED = '[[devices.level.points]]\nchannel = "status"\naddress = 90\nlabels = { "0" = "ok" }\n'
DEVICES = (
    device("level", "water_level", "water_temperature", "rainfall_total") + LABELLED
    + device("other", "water_level", "rainfall", unit=2, every_s=60)
)  # fmt: skip
SIZE = (HEAD + DEVICES).count("\n")


@pytest.fixture
def plan(tmp_path):
    def read(text: str = "", *, devices: str = DEVICES, of: str = "level.water_level") -> ChannelPlan:
        name, _, channel = of.partition(".")
        return loaded(tmp_path, devices + text).plan.judgement.by_source[Source(name, channel)]

    return read


@pytest.fixture
def refusals(tmp_path):
    def read(text: str, devices: str = DEVICES) -> list[str]:
        """All problems, with lines counted after the devices."""
        with pytest.raises(ConfigError) as caught:
            loaded(tmp_path, devices + text)
        size = (HEAD + devices).count("\n")
        return [
            str(each).replace(f"{tmp_path}/polegate.toml:{each.line}", str(each.line - size))
            for each in caught.value.problems
        ]

    return read


def limits(text: str, channel: str = "level.water_level") -> str:
    return f"[limits.{channel}]\n{text}\n"


def test_what_is_not_written_is_as_the_property_says(plan):
    found, known = plan(), property_of("water_level")
    assert (found.limits.sensor, found.limits.spike_suspect) == (known.limits, known.quality.spike_suspect)
    assert found.limits.gap_ms == 60_000
    assert (found.unusual, found.slow is not None, found.reread is not None) == (1.0, True, True)
    assert (found.deadband, found.aggregate, found.sends_raw, found.neighbours) == (None, None, True, None)
    assert plan(of="other.water_level").limits.gap_ms == 180_000


def test_what_is_written_is_laid_over_it_in_the_units_of_its_keys(plan):
    found = plan(
        '[judgement]\nunusual = "few"\nslow = false\n'
        + limits(
            "sensor = [0, 40]\nsite = [1, 30]\nspike = [0.1, 0.5]\nrate_per_min = 0.6\nflat_h = [12, 48]\n"
            "resolution = 0.01\ngap_s = 300\nsentinels = [-1]\nattenuated = { hours = 24, suspect = 0.02 }\n"
            "seasons = [{ span = [2, 20], months = [11, 2] }]\nreread = false"
        )
    )
    own = found.limits
    assert (own.sensor, own.site, own.sentinels) == ((0, 40), (1, 30), (-1,))
    assert (own.spike_suspect, own.spike_fail, own.rate_suspect_per_s) == (0.1, 0.5, 0.01)
    assert (own.flat_suspect_ms, own.flat_fail_ms, own.flat_eps) == (43_200_000, 172_800_000, 0.01)
    assert (own.gap_ms, own.attenuated_window_ms) == (300_000, 86_400_000)
    assert (own.attenuated_suspect, own.attenuated_fail) == (0.02, None)
    assert own.climatology[0].months == (11, 2)
    assert (found.unusual, found.slow, found.reread) == (0.5, None, None)


def test_a_channel_stands_out_of_what_holds_everywhere(plan):
    everywhere = '[judgement]\nunusual = "off"\nslow = false\nreread = false\n'
    found = plan(everywhere + limits('unusual = "many"\nslow = true\nshapes = true\nreread = true'))
    assert found.unusual == 2.0
    assert found.slow is not None
    assert (found.slow.ngram, found.slow.knn) == (True, True)
    assert found.reread is not None
    other = plan(everywhere, of="other.water_level")
    assert (other.unusual, other.slow, other.reread) == (None, None, None)


def test_only_what_is_watched_is_looked_at_for_what_is_unusual(plan):
    assert not property_of("rainfall_total").watched
    rain = plan(limits('unusual = "many"', "level.rainfall_total"), of="level.rainfall_total")
    assert (rain.unusual, rain.slow, rain.reread) == (None, None, None)


@pytest.mark.parametrize("name", sorted(properties()))
def test_each_property_alone_makes_a_channel_that_can_be_judged_and_summed_up(plan, tmp_path, name):
    windows = f'[devices.d.channels."{name}".aggregate]\nwindow_s = 60\n'
    found = plan(windows, devices=device("d", name), of=f"d.{name}")
    assert found.aggregate is not None
    usual = {"interval": Form.INTERVAL, "counter": Form.COUNTER, "instant": Form.INSTANT}
    assert found.aggregate.form is OWN_FORMS.get(name, usual[property_of(name).kind])
    assert compose(loaded(tmp_path, device("d", name)).plan.judgement).stages


def test_a_usual_site_limit_gives_way_to_what_this_instrument_can_report(plan):
    devices = device("d", "air_temperature")
    assert property_of("air_temperature").quality.site == (-50, 60)
    for sensor, site in (([-40, 85], (-40, 60)), ([-80, 20], (-50, 20)), ([1000, 2000], None)):
        found = plan(
            limits(f"sensor = {sensor}", "d.air_temperature"), devices=devices, of="d.air_temperature"
        )
        assert found.limits.site == site


def test_a_renamed_channel_is_judged_and_reduced_under_its_new_name(plan):
    devices = DEVICES + '[devices.level.channels.water_temperature]\nrename = "water_temperature.deep"\n'
    devices += "report = { deadband = 0.2, percent = 1, at_least_s = 60 }\n"
    text = limits("spike = [1, 2]", 'level."water_temperature.deep"')
    found = plan(text, devices=devices, of="level.water_temperature.deep")
    assert found.limits.spike_fail == 2
    assert found.deadband is not None
    band = found.deadband
    assert (band.absolute, band.percent, band.at_least_ms) == (0.2, 1.0, 60_000)


def test_comparisons_name_other_channels(plan):
    text = limits(
        'neighbours = { of = ["other.water_level"], suspect = 0.1, fail = 0.3 }\n'
        'together = { of = ["other.rainfall"], deviations = 3 }'
    )
    found = plan(text)
    assert found.neighbours == ((Source("other", "water_level"),), NeighbourLimits(suspect=0.1, fail=0.3))
    assert found.together == ((Source("other", "rainfall"),), JumpLimits(k=3, floor=0, floors=(0.0,)))


def test_the_inventory_says_what_is_reduced(tmp_path):
    text = DEVICES + "[devices.level.channels.water_level]\nreport = { deadband = 0.02 }\n"
    text += "[devices.other.channels.rainfall]\naggregate = { window_s = 300 }\n"
    facts = inventory.inventory(loaded(tmp_path, text).plan).devices

    def said(facts: ChannelFacts) -> tuple[float | None, ...]:
        return facts.deadband, facts.at_least_s, facts.window_s

    assert said(facts["level"].channels["water_level"]) == (0.02, 600.0, None)
    assert said(facts["other"].channels["rainfall"]) == (None, None, 300)
    assert said(facts["level"].channels["status"]) == (None, None, None)


WINDOWS = "[devices.{0}.channels.{1}]\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (limits("spike = [1, 2]", "levl.water_level"), '1: limits.levl: no such device; did you mean "level"?'),
        (limits("spike = [1, 2]", "level.water_levl"), "1: limits.level.water_levl: "),
        (limits("spike = [1, 2]", "level.turbidity"), "1: limits.level.turbidity: level has no such channel; it has water_level"),
        (limits("spike = [1, 2]", "level.status"), "1: limits.level.status: the channel has no numbers"),
        (limits("spike = [2, 1]"), "2: limits.level.water_level.spike: expected the lower number first"),
        (limits("spike = [0, 1]"), "2: limits.level.water_level.spike[0]"),
        (limits("spike = [1, inf]"), "2: limits.level.water_level.spike[1]"),
        (limits("spik = [1, 2]"), '2: limits.level.water_level: unknown key "spik"; did you mean "spike"?'),
        (limits("site = [20, 30]\nsensor = [0, 10]"), "2: limits.level.water_level.site: expected a span within sensor"),
        (limits("site = [0, 20000]"), "2: limits.level.water_level.site: expected a span within sensor"),
        (limits("flat_h = [48, 24]"), "2: limits.level.water_level.flat_h"),
        (limits("gap_s = 0.0001"), "2: limits.level.water_level.gap_s: expected a number above 0"),
        (limits("rollover = 100"), "2: limits.level.water_level.rollover: expected with kind counter only"),
        (limits("not_flat_at = 3\nnot_flat_from = 2"), "3: limits.level.water_level.not_flat_from: expected more than"),
        (limits("attenuated = { hours = 24 }"), "2: limits.level.water_level.attenuated: expected together with"),
        (limits("attenuated = { hours = 24, suspect = 1, fail = 2 }"), "2: limits.level.water_level.attenuated: expected more"),
        (limits("seasons = [{ span = [1, 2], months = [0, 13] }]"), "2: limits.level.water_level.seasons: expected two numbers"),
        (limits('neighbours = { of = ["other.water_levl"], suspect = 1 }'), "2: limits.level.water_level.neighbours.of[0]: "),
        (limits('neighbours = { of = ["other"], suspect = 1 }'), "2: limits.level.water_level.neighbours.of[0]: "),
        (limits('neighbours = { of = ["other.rainfall"], suspect = 1 }'),
         '2: limits.level.water_level.neighbours.of[0]: expected a channel in m, as level.water_level, got "other.rainfall" in mm'),
        (limits('neighbours = { of = ["other.water_level"], suspect = 2, fail = 1 }'), "2: limits.level.water_level.neighbours.fail: "),
        (limits('unusual = "some"'), "2: limits.level.water_level.unusual: expected"),
        (WINDOWS.format("other", "water_level") + "aggregate = { window_s = 30 }",
         "2: devices.other.channels.water_level.aggregate.window_s: expected at least the 60 s between two readings, got 30"),
        (WINDOWS.format("other", "water_level") + "aggregate = { window_s = 70 }", "expected a divisor of 86400"),
        (WINDOWS.format("other", "water_level") + "aggregate = { window_s = 60 }\nreport = { deadband = 1 }",
         "3: devices.other.channels.water_level.report: only its aggregates are sent"),
        (WINDOWS.format("level", "status") + "report = { deadband = 1 }", "2: devices.level.channels.status.report: the channel has no"),
        (WINDOWS.format("other", "water_level") + "report = { deadband = -1 }", "2: devices.other.channels.water_level.report.deadband: "),
        ('[judgement]\nunusual = "none"', "2: judgement.unusual: expected"),
    ],
)  # fmt: skip
def test_a_mistake_names_line_and_key(refusals, text, said):
    (problem,) = refusals(text)
    assert said in problem


def test_every_key_that_a_refusal_is_told_by_can_be_written():
    from agent.judge.config import ChannelLimits

    assert {path[0] for path in KEYS.values()} <= {each.name for each in fields(ChannelLimits)}
