"""Rules as people write them: every kind read from TOML, and every mistake told with its place."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, is_dataclass
from typing import Any, get_args

import pytest
from fakes.judged import HEAD, device, loaded

from agent.errors import ConfigError
from agent.judge.judgement import RulePlan, compose
from agent.judge.rule_forms import keys_of
from agent.judge.rule_kinds import KINDS
from pipelines.events import Nature, Severity, Source
from pipelines.threshold import Take
from pipelines.water.rainfall import Measure

DEVICES = (
    device("level", "water_level", "water_velocity", "water_temperature")
    + device("upstream", "water_level", unit=2, every_s=60)
    + device("rain", "rainfall", "rainfall_total", "rain_intensity", unit=3, every_s=60)
    + device("air", "pm10", "pm2_5", "relative_humidity", "noise_level", "wind_speed", "wind_direction", unit=4)
    + device("pole", "voltage.battery", "voltage.mains", "switch.door", "status.call", "tilt.x", "tilt.y",
             "switch.pump", unit=5)
    + device("way", "water_depth", unit=6)
)  # fmt: skip
SIZE = (HEAD + DEVICES).count("\n")
"""Lines before the rule."""


@pytest.fixture
def rule(tmp_path):
    def read(text: str, name: str = "r") -> RulePlan:
        (plan,) = loaded(tmp_path, f"{DEVICES}[rules.{name}]\n{text}\n").plan.judgement.rules
        return plan

    return read


@pytest.fixture
def refusal(tmp_path):
    def read(text: str, name: str = "r") -> str:
        """The only problem, with `line:` counted from the rule's header as 1."""
        with pytest.raises(ConfigError) as caught:
            loaded(tmp_path, f"{DEVICES}[rules.{name}]\n{text}\n")
        (problem,) = caught.value.problems
        line = problem.line - SIZE
        return str(problem).replace(f"{tmp_path}/polegate.toml:{problem.line}", str(line))

    return read


GIVEN = {
    "stage": (
        ('input = "level.water_level"\nwarning = "3350 cm"\nguarantee = "35 m"\nlow = "30 m"\nhysteresis = "5 cm"\n'
         'raise_after = "1 min"\nclear_after = "2 h"'),
        {"source": Source("level", "water_level"), "warning_m": 33.5, "guarantee_m": 35.0, "low_m": 30.0,
         "hysteresis_m": 0.05, "raise_ms": 60_000, "clear_ms": 7_200_000},
    ),
    "rise": (
        ('input = "level.water_level"\nlimit = "40 cm/h"\ncritical = "1 m/h"\nwarning = "33.5 m"\n'
         'ahead = ["2 h", "1 h", "30 min"]\nclear_share = 0.5\nrising = "5 cm/h"'),
        {"limit_m_h": 0.4, "critical_m_h": 1.0, "warning_m": 33.5, "ahead_min": (120.0, 60.0, 30.0),
         "clear_share": 0.5, "rising_m_h": 0.05},
    ),
    "rain": (
        ('input = "rain.rainfall"\nlimits = [{ name = "red", hours = 3, from = "10 cm", severity = "critical" }]\n'
         'opens_at = "warning"\nmost = "12 mm/min"'),
        {"interval_ms": 60_000, "opens_at": Severity.WARNING, "most_mm_min": 12.0, "measure": Measure.INTERVAL,
         "limits": (("red", 3, 100.0, Severity.CRITICAL),)},
    ),
    "release": (
        ('level = "level.water_level"\nrains = ["rain.rainfall", { input = "rain.rainfall_total", rollover = "500 mm" }]\n'
         'neighbours = ["upstream.water_level"]\nflow = "level.water_velocity"\nanswer_rise = "5 cm"\nover = "45 min"'),
        {"rains": ((Source("rain", "rainfall"), Measure.INTERVAL, None),
                   (Source("rain", "rainfall_total"), Measure.TOTAL, 500.0)),
         "neighbours": (Source("upstream", "water_level"),), "flow": Source("level", "water_velocity"),
         "answer_m": 0.05, "window_ms": 2_700_000},
    ),
    "waterlogging": (
        ('input = "way.water_depth"\npump = "pole.switch.pump"\n'
         'bands = [{ name = "shut", depth = "27 cm", severity = "critical" }]'),
        {"bands": (("shut", 0.27, Severity.CRITICAL),), "pump": Source("pole", "switch.pump"), "raise_ms": 30_000},
    ),
    "air": (
        ('channels = { pm10 = "air.pm10", pm2_5 = "air.pm2_5" }\nhumidity = "air.relative_humidity"\n'
         'bias_humidity = "85 %"\nclear_after = "3 h"'),
        {"channels": {"pm10": Source("air", "pm10"), "pm2_5": Source("air", "pm2_5")}, "bias_humidity": 85.0,
         "clear_hours": 3, "utc_offset_min": 0},
    ),
    "noise": (
        'input = "air.noise_level"\narea = "1"\nday_limit = "60 dB(A)"\nnight_limit = "50 dB"\nperiod = "20 min"',
        {"area": "1", "day_limit_db": 60.0, "night_limit_db": 50.0, "period_ms": 1_200_000},
    ),
    "wind": (
        'speed = "air.wind_speed"\ndirection = "air.wind_direction"\nmean_warning = "72 km/h"\nstuck_swing = "45°"',
        {"speed": Source("air", "wind_speed"), "mean_warning": 20.0, "stuck_swing_deg": 45.0, "gust": None},
    ),
    "battery": (
        'input = "pole.voltage.battery"\nlow = "11800 mV"\ncharged_by = "10 h"\nwearing = "21 d"',
        {"low_v": 11.8, "charged_by_h": 10.0, "wearing_days": 21.0, "chemistry": "lead_acid_12"},
    ),
    "mains": ('input = "pole.voltage.mains"\nnominal = "0.4 kV"', {"nominal_v": 400.0, "raise_ms": 2000}),
    "door": (
        'input = "pole.switch.door"\nopen_values = [true, 2]\nallowed_from = "7:30"\nallowed_to = "24:00"',
        {"open_values": (True, 2), "allowed_from_min": 450, "allowed_to_min": 1440},
    ),
    "emergency": (
        'input = "pole.status.call"\nmask = 4\npressed_values = [4]\nclear_after = "1 min"',
        {"mask": 4, "pressed_values": (4,), "clear_ms": 60_000},
    ),
    "tilt": (
        'input = "pole.tilt.x"\nacross = "pole.tilt.y"\nstruck = "4 deg"\nlean_after = "6 h"\nlearn = "48 h"',
        {"cross_source": Source("pole", "tilt.y"), "struck_deg": 4.0, "lean_hours": 6, "learn_hours": 48},
    ),
    "agree": (
        'members = ["level.water_level", "upstream.water_level"]\nsuspect = "3 cm"\nfail = "80 mm"\ntoo_old = "5 min"',
        {"members": (Source("level", "water_level"), Source("upstream", "water_level")), "suspect": 0.03,
         "fail": 0.08, "oldest_ms": 300_000},
    ),
    "pair": (
        'lesser = "air.pm2_5"\ngreater = "air.pm10"\nmargin = "0.01 mg/m3"\nshare = 0.1',
        {"lesser": Source("air", "pm2_5"), "margin": 10.0, "share": 0.1},
    ),
    "threshold": (
        ('input = "level.water_temperature"\nabove = "30 °C"\nhysteresis = "1 °C"\ntake = "mean"\nover = "1 h"\n'
         'severity = "critical"\nnature = "fault"\ntitle = "Cooling water"\npictures = true\n'
         'also = [{ input = "level.water_level", below = "50 cm" }]\nunless = [{ input = "pole.switch.door", equals = true }]'),
        {"take": Take.MEAN, "window_ms": 3_600_000, "severity": Severity.CRITICAL, "nature": Nature.FAULT,
         "title": "Cooling water", "pictures": True},
    ),
}  # fmt: skip


def plainly(value: Any) -> Any:
    """Nested settings as tuples of their fields."""
    if isinstance(value, tuple) and not isinstance(value, Source):
        return tuple(plainly(each) for each in value)
    if is_dataclass(value):
        return tuple(plainly(getattr(value, each.name)) for each in fields(value))
    return value


def test_every_kind_of_rule_is_here():
    assert GIVEN.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", GIVEN)
def test_a_rule_of_each_kind_becomes_its_settings_and_can_be_made(rule, kind):
    text, wanted = GIVEN[kind]
    plan = rule(f'kind = "{kind}"\n{text}')
    assert (plan.name, plan.kind, plan.settings.name) == ("r", kind, "r")
    assert {key: plainly(getattr(plan.settings, key)) for key in wanted} == wanted
    assert KINDS[kind].make(plan.settings).sources


@pytest.mark.parametrize("kind", GIVEN)
def test_keys_are_told_apart_and_what_is_left_out_has_its_default(rule, kind):
    table = keys_of(KINDS[kind].settings, kind)
    assert not [field for field, times in Counter(key.field for key in table.values()).items() if times > 1]
    assert len(table) == sum(1 for _ in _written(KINDS[kind].settings, kind))
    needed = [line for line in GIVEN[kind][0].splitlines() if table[line.partition(" ")[0]].required]
    more = {"stage": ['warning = "33 m"'], "threshold": ['above = "1 °C"']}.get(kind, [])
    plan = rule("\n".join([f'kind = "{kind}"', *needed, *more]))
    for key in table.values():
        if not key.required and key.field not in ("warning_m", "above") and hasattr(plan.settings, key.field):
            assert getattr(plan.settings, key.field) == key.default or key.field == "interval_ms"


def _written(settings: type, kind: str):
    """Fields that somebody writes, those of limits among the rule's own."""
    from pipelines.cross.limits import Limits

    facts = KINDS[kind]
    for each in fields(settings):
        if "Limits" in str(each.type):
            yield from fields(Limits)
        elif each.name not in facts.fixed | {"name", "utc_offset_min"}:
            yield each


def test_conditions_are_written_in_the_unit_of_their_own_input(rule):
    settings = rule(
        'kind = "threshold"\ninput = "level.water_level"\nabove = "3 m"\n'
        'also = [{ input = "pole.voltage.battery", below = "11500 mV", hysteresis = "0.1 V" }]\n'
        'unless = [{ input = "air.wind_speed", above = "36 km/h" }, { input = "pole.status.call", equals = 3 }]'
    ).settings
    (battery,) = settings.also
    assert (battery.limits.below, battery.limits.hysteresis) == (11.5, 0.1)
    assert [each.limits.above for each in settings.unless] == [10.0, None]
    assert settings.unless[1].limits.equals == 3


def test_of_a_slope_limits_are_an_hour(rule):
    text = (
        'kind = "threshold"\ninput = "level.water_level"\ntake = "slope"\noutside = ["-20 cm/h", "0.5 m/h"]'
    )
    assert rule(text).settings.limits.outside == (-0.2, 0.5)


@pytest.mark.parametrize(
    ("channel", "measure"),
    [
        ("rainfall", Measure.INTERVAL),
        ("rainfall_total", Measure.TOTAL),
        ("rain_intensity", Measure.INTENSITY),
    ],
)
def test_what_a_rain_gauge_counts_follows_from_its_property(rule, channel, measure):
    settings = rule(f'kind = "rain"\ninput = "rain.{channel}"').settings
    assert (settings.measure, settings.interval_ms) == (measure, 60_000)


STAGE = 'kind = "stage"\ninput = "level.water_level"\n'
WATCH = 'kind = "threshold"\ninput = "level.water_level"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1: rules.r.kind: missing; expected one of stage, rise, "),
        ('kind = "stages"', "2: rules.r.kind: expected one of stage, rise, "),
        ('kind = ["stage"]', "2: rules.r.kind: expected one of stage, rise, "),
        ('kind = "stages"', 'got "stages"; did you mean "stage"?'),
        ('kind = "stage"', '1: rules.r.input: missing; expected a channel such as "level.water_level"'),
        (STAGE + 'waring = "33 m"', '4: rules.r.waring: unknown key; did you mean "warning"?'),
        (STAGE + 'name = "x"', "4: rules.r.name: unknown key; known: input, warning, guarantee, "),
        (STAGE + "warning = 33.5", "4: rules.r.warning: expected a unit that fits m (km, m, cm, mm), got no unit"),
        (STAGE + 'warning = "33 kPa"', '4: rules.r.warning: expected a unit that fits m (km, m, cm, mm), got "kPa"'),
        (STAGE + 'warning = "high"', "4: rules.r.warning: expected a number with a unit such as "),
        (STAGE + "warning = true", "4: rules.r.warning: expected a number with a unit such as "),
        (STAGE + 'warning = "33 m"\nclear_after = 30', '5: rules.r.clear_after: expected a time such as "30 min"'),
        (STAGE + 'warning = "33 m"\nclear_after = "30 m"', '5: rules.r.clear_after: expected a time such as "30 min"'),
        (STAGE + 'warning = "33 m"\nclear_after = "-1 min"', "5: rules.r.clear_after: expected 0 or more, got -60000"),
        (STAGE + 'warning = "33 m"\nguarantee = "32 m"',
         "5: rules.r.guarantee: expected low < warning < guarantee, got [33.0, 32.0]"),
        (STAGE, "1: rules.r.warning: missing; expected a warning or a guarantee stage"),
        ('kind = "stage"\ninput = "water_level"',
         '3: rules.r.input: expected a channel such as "level.water_level", got '),
        ('kind = "stage"\ninput = 5', "3: rules.r.input: expected a channel such as"),
        ('kind = "stage"\ninput = "levl.water_level"\nwarning = "33 m"', 'no device "levl"; did you mean "level"?'),
        ('kind = "stage"\ninput = "level.waterlevel"\nwarning = "33 m"',
         'level has no channel "waterlevel"; did you mean "water_level"?'),
        ('kind = "stage"\ninput = "level.water_temperature"\nwarning = "33 m"',
         '3: rules.r.input: expected a channel in m, got "level.water_temperature" in Cel'),
        ('kind = "rise"\ninput = "level.water_level"\nahead = ["2 h", "1 h"]',
         "4: rules.r.ahead: expected a list of 3, got 2"),
        ('kind = "rise"\ninput = "level.water_level"\nahead = "2 h"', "4: rules.r.ahead: expected a list, got '2 h'"),
        ('kind = "rain"\ninput = "rain.rainfall"\nlimits = [{ name = "a", hours = 3, from = "5 m/h", severity = "watch" }]',
         "4: rules.r.limits[0].from: expected a unit that fits mm"),
        ('kind = "rain"\ninput = "rain.rainfall"\n[[rules.r.limits]]\nname = "a"\nhours = 3\nfrom = "5 mm"\nseverity = "bad"',
         "8: rules.r.limits[0].severity: expected one of info, watch, warning, critical, got 'bad'"),
        ('kind = "rain"\ninput = "rain.rainfall"\n[[rules.r.limits]]\nname = "a"\nfrom = "5 mm"\nseverity = "watch"',
         "4: rules.r.limits[0].hours: missing; expected a value"),
        ('kind = "waterlogging"\ninput = "way.water_depth"\nbands = [{ name = "a", dpth = "5 cm" }]',
         '4: rules.r.bands[0].dpth: unknown key; did you mean "depth"?'),
        ('kind = "waterlogging"\ninput = "way.water_depth"\nbands = ["5 cm"]', "4: rules.r.bands[0]"),
        ('kind = "release"\nlevel = "level.water_level"\nrains = ["rain.rainfal"]',
         "4: rules.r.rains[0].input: expected a channel"),
        ('kind = "release"\nlevel = "level.water_level"\nrains = ["level.water_level"]',
         '4: rules.r.rains[0].input: expected a channel in mm or mm/h, got "level.water_level" in m'),
        ('kind = "air"\nchannels = ["air.pm10"]', "3: rules.r.channels: expected a table such as { pm10 = "),
        ('kind = "air"\nchannels = { pm10 = "air.noise_level" }', "3: rules.r.channels"),
        ('kind = "noise"\ninput = "air.noise_level"\narea = 2', "4: rules.r.area: expected a text, got 2"),
        ('kind = "door"\ninput = "pole.switch.door"\nallowed_from = "25:00"',
         '4: rules.r.allowed_from: expected a time of day such as "08:00", got '),
        ('kind = "door"\ninput = "pole.switch.door"\nopen_values = [[1]]', "4: rules.r.open_values[0]: expected a number, "),
        ('kind = "emergency"\ninput = "pole.status.call"\nmask = 1.5', "4: rules.r.mask: expected a whole number, got 1.5"),
        ('kind = "tilt"\ninput = "pole.tilt.x"\nlean_after = "90 min"', "4: rules.r.lean_after: expected a whole number, got"),
        ('kind = "agree"\nmembers = ["level.water_level", "air.pm10"]\nsuspect = "3 cm"',
         '3: rules.r.members[1]: expected a channel in m, got "air.pm10" in ug/m3'),
        ('kind = "agree"\nmembers = ["level.water_level"]', "3: rules.r.members: expected"),
        ('kind = "pair"\nlesser = "air.pm2_5"\ngreater = "level.water_level"',
         '4: rules.r.greater: expected a channel in ug/m3, got "level.water_level" in m'),
        (WATCH, "1: rules.r: missing; expected one of above, below, equals, outside"),
        (WATCH + 'above = "1 m"\nbelow = "3 m"', "5: rules.r.below: expected less than above, 1.0, got 3.0"),
        (WATCH + 'above = "3 m"\ntake = "sums"', "5: rules.r.take: expected one of value, mean, "),
        (WATCH + 'above = "3 m"\npictures = "yes"', "5: rules.r.pictures: expected true or false, got 'yes'"),
        (WATCH + 'above = "3 m"\nalso = [{ input = "pole.voltage.battery", below = "3 m" }]',
         '5: rules.r.also[0].below: expected a unit that fits V (kV, V, mV), got "m"'),
        (WATCH + 'above = "3 m"\nalso = { input = "level.water_level", above = "1 m" }', "5: rules.r.also: expected a list"),
        (WATCH + 'above = "3 m"\n[[rules.r.also]]\ninput = "level.water_level"\nabov = "1 m"',
         '7: rules.r.also[0].abov: unknown key; did you mean "above"?'),
    ],
)  # fmt: skip
def test_a_mistake_names_line_key_what_is_expected_and_what_stands_there(refusal, text, said):
    assert said in refusal(text)


@pytest.mark.parametrize("name", ["sensor", "bus_silent", "station"])
def test_the_agents_own_names_are_taken(refusal, name):
    assert "the agent's own rules have this name" in refusal(STAGE + 'warning = "33 m"', name)


def test_several_mistakes_are_told_at_once_and_good_rules_stand_for_themselves(tmp_path):
    text = f'{DEVICES}[rules.a]\nkind = "rise"\n[rules.b]\n{STAGE}warning = "1 m"\n[rules.c]\n{STAGE}warning = 1\n'
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert [problem.path for problem in caught.value.problems] == ["rules.a.input", "rules.c.warning"]


def test_a_stage_that_the_gauge_cannot_report_is_refused(tmp_path):
    text = (
        DEVICES + "[limits.level.water_level]\nsensor = [0.0, 2.9]\n"
        + '[rules.a]\nkind = "stage"\ninput = "level.water_level"\nwarning = "2.9 m"\nguarantee = "3 m"\n'
        + '[rules.b]\nkind = "rise"\ninput = "level.water_level"\nwarning = "3.1 m"\n'
        + '[rules.c]\nkind = "stage"\ninput = "upstream.water_level"\nwarning = "3 m"\n'
    )  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert [(problem.path, problem.got) for problem in caught.value.problems] == [
        ("rules.a.guarantee", "3 m"), ("rules.b.warning", "3.1 m"),
    ]  # fmt: skip
    assert "level.water_level can report, 0 to 2.9 m" in caught.value.problems[0].expected


def test_all_rules_together_make_one_judge(tmp_path):
    text = "".join(f'[rules.{kind}]\nkind = "{kind}"\n{given}\n' for kind, (given, _) in GIVEN.items())
    judge = compose(loaded(tmp_path, DEVICES + text).plan.judgement)
    assert {f"rule/{kind}" for kind in KINDS} <= judge.stages.keys()
    assert all(judge.knows(f"{kind}.any") for kind in KINDS)


def test_every_hint_of_settings_can_be_written():
    """A field of a type that the forms do not know would be read as anything."""
    known = (float, int, str, bool, type(None), Source)
    for kind, facts in KINDS.items():
        for key in keys_of(facts.settings, kind).values():
            plain = [each for each in get_args(key.hint) or (key.hint,) if each is not Ellipsis]
            assert all(isinstance(each, type) and (each in known or is_dataclass(each) or hasattr(each, "__members__"))
                       for each in plain if not get_args(each)), (kind, key)  # fmt: skip
