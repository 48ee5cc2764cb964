"""What events say to people, in one place, so that another language can follow."""

from __future__ import annotations

from agent.amounts import span, value
from pipelines.events import Event, Kind, Phase

OPENED: dict[Kind, str] = {
    Kind.SENSOR_STUCK: "{subject} stands still at {value}: is the sensor stuck, silted up, frozen?",
    Kind.SENSOR_OUT_OF_RANGE: "{subject} reports {value}, which it cannot measure: check sensor and cable",
    Kind.SENSOR_ERRATIC: "{subject} jumps about, now at {value}: check cable, earthing, bubbles in its pipe",
    Kind.SENSOR_DRIFTING: "{subject} drifts from what it should be, now at {value}: clean and calibrate it",
    Kind.SENSOR_DISAGREES: "{subject} at {value} does not fit the others ({baseline}): compare them on site",
    Kind.READINGS_MISSING: "{subject} gives no value any more, while its device answers: check that probe",
    Kind.BUS_SILENT: "all devices on {subject} fell silent together: check adapter, cable, power of the line",
    Kind.POWER_FAILED: "the supply at {subject} has failed: {value}; the station runs on its battery, if any",
    Kind.BATTERY_LOW: "the battery at {subject} is down to {value} (limit {threshold}): it needs charge soon",
    Kind.BATTERY_WEARING: "the battery at {subject} gets weaker by the day: {value}; plan its replacement",
    Kind.BATTERY_NOT_CHARGED: "the battery at {subject} is not being charged: {value}; check panel and fuse",
    Kind.DEVICE_UNREADABLE: "{subject} does not answer",
    Kind.CLOCK_UNSYNCED: "the clock is not synchronised",
    Kind.CLOCK_STEPPED: "somebody set the clock",
    Kind.WATER_STAGE: "water level {value} at {subject}: the {stage} stage of {threshold} is reached",
    Kind.WATER_RISE: "the water at {subject} rises by {value}, now at {level} m",
    Kind.WATER_THRESHOLD_AHEAD: "{subject} will reach its {stage} stage of {threshold} in {minutes} min",
    Kind.WATER_RELEASE: "the water at {subject} rises without rain, now at {value}: a release upstream?",
    Kind.RAIN_INTENSITY: "it rains hard at {subject}: {value}",
    Kind.RAIN_ACCUMULATED: "much rain at {subject}: {reached}",
    Kind.WATERLOGGING: "water stands {value} deep at {subject} (limit {threshold}): close the road?",
    Kind.AIR_QUALITY: "air quality index {aqi}, {class_name}, at {subject}; foremost {primary}",
    Kind.NOISE_LIMIT: "too loud at {subject}: {value}, allowed {threshold}",
    Kind.WIND: "strong wind at {subject}: {value} (limit {threshold})",
    Kind.DOOR_OPEN: "the door at {subject} stands open",
    Kind.TILTED: "the pole at {subject} is {how}, {value}: keep people away, go and look",
    Kind.EMERGENCY_CALL: "somebody calls for help at {subject}",
    Kind.UNUSUAL: "{subject} at {value} is out of the ordinary: compare with pictures and other sensors",
    Kind.THRESHOLD: "{title}: {subject} at {value} (limit {threshold})",
}
"""By kind, when it opens or changes; {subject}, {value}, {threshold}, {baseline}, each word of `detail`."""

ENDED: dict[Kind, str] = {
    Kind.SENSOR_STUCK: "{subject} moves again, now at {value}",
    Kind.SENSOR_OUT_OF_RANGE: "{subject} is within its range again, now at {value}",
    Kind.SENSOR_ERRATIC: "{subject} is steady again, now at {value}",
    Kind.SENSOR_DRIFTING: "{subject} no longer drifts, now at {value}",
    Kind.SENSOR_DISAGREES: "{subject} at {value} fits the others again ({baseline})",
    Kind.READINGS_MISSING: "{subject} gives values again, now {value}",
    Kind.BUS_SILENT: "{subject} is heard of again",
    Kind.POWER_FAILED: "the supply at {subject} is back at {value}",
    Kind.BATTERY_LOW: "the battery at {subject} is back at {value}",
    Kind.BATTERY_WEARING: "the battery at {subject} holds its charge: {value}",
    Kind.BATTERY_NOT_CHARGED: "the battery at {subject} is being charged again: {value}",
    Kind.WATER_STAGE: "water level back at {value} at {subject} (stage {threshold})",
    Kind.WATER_RISE: "the water at {subject} no longer rises fast: {value}",
    Kind.WATER_THRESHOLD_AHEAD: "the {stage} stage of {threshold} at {subject} is no longer ahead: {outcome}",
    Kind.WATER_RELEASE: "the water at {subject} no longer rises, now at {value}",
    Kind.RAIN_INTENSITY: "it no longer rains hard at {subject}: {value}",
    Kind.RAIN_ACCUMULATED: "the rain at {subject} is over: {reached}",
    Kind.WATERLOGGING: "the water at {subject} has gone down to {value}",
    Kind.AIR_QUALITY: "air quality index {aqi}, {class_name}, at {subject}",
    Kind.NOISE_LIMIT: "no longer too loud at {subject}: {value}, allowed {threshold}",
    Kind.WIND: "the wind at {subject} has gone down to {value}",
    Kind.DOOR_OPEN: "the door at {subject} is shut",
    Kind.TILTED: "the pole at {subject} stands as before, {value}",
    Kind.EMERGENCY_CALL: "the call for help at {subject} has ended",
    Kind.UNUSUAL: "{subject} is as usual again, now at {value}",
    Kind.THRESHOLD: "{title}: {subject} back at {value} (limit {threshold})",
}
"""By kind, when it is over by itself; a kind that is not here says what it said when it began."""

DROPPED = {
    "rule_removed": "its rule was taken out of the configuration",
    "rule_changed": "its rule was changed",
    "restarted": "the agent started anew",
    "clock_put_back": "the clock was put back",
    "too_few_readings": "too few readings to judge by",
}
"""Why something is closed that may not be over."""

CLOSED = "over: {what}; it lasted {lasted}"
NOT_JUDGED = "no longer judged, {why}: {what}"
UNKNOWN = "?"


class _Words(dict[str, str]):
    """A word that this event does not have is a question mark."""

    def __missing__(self, key: str) -> str:
        return UNKNOWN


def message(event: Event, unit: str, decimals: int) -> str:
    """One line for a person; numbers with the unit's usual sign and sensible decimals."""
    words = _Words(
        {key: each if isinstance(each, str) else f"{each:.4g}" for key, each in event.detail.items()}
    )
    words.setdefault("title", event.rule)
    words |= {
        "subject": str(event.source),
        "value": _number(event.value, unit, decimals),
        "threshold": _number(event.threshold, unit, decimals),
        "baseline": _number(event.baseline, unit, decimals),
    }
    text = OPENED[event.kind]
    if event.phase is not Phase.CLOSED:
        return text.format_map(words)
    if why := event.detail.get("closed_because"):
        return NOT_JUDGED.format(why=DROPPED.get(str(why), why), what=text.format_map(words))
    text = ENDED.get(event.kind, text)
    lasted = span(max(0, event.at_ms - event.began_ms) / 1000)
    return CLOSED.format(what=text.format_map(words), lasted=lasted)


def _number(number: float | None, unit: str, decimals: int) -> str:
    return UNKNOWN if number is None else value(number, unit, decimals)
