"""The payload of topic health; agent/health_message.py makes it."""

from __future__ import annotations

from typing import Literal

from agent.payloads import Header
from firmware_profiles.declared import Strict, entry


class Software(Strict):
    """What the agent runs on; the built-in profiles are those of its version."""

    python: str = entry(description="Version of the interpreter")
    os: str | None = entry(default=None, description="Distribution, e.g. Debian GNU/Linux 12 (bookworm)")
    kernel: str = entry(description="Release and processor")


class Machine(Strict):
    """The gateway, by what its kernel shows a service without privileges."""

    board: str | None = entry(default=None, description="Its model, as the board itself says")
    uptime_s: int = entry(description="Since the gateway was started, s; less than before: it was restarted")
    load: float = entry(ge=0, description="Processes that ran or wanted to, mean of the last minute")
    memory_bytes: int | None = entry(default=None, description="Memory there is")
    available_bytes: int | None = entry(default=None, description="Memory that is still to be had")
    celsius: dict[str, float] = entry(
        default_factory=dict, description="Place -> temperature; absent: none is known"
    )
    supply: list[str] | None = entry(
        default=None,
        description="What is wrong with it: under_voltage, throttled, now or (_before) since the start of the"
        " gateway; empty: nothing; absent: the board does not say",
    )
    reset: list[str] | None = entry(
        default=None,
        description="Why a watchdog says that it reset the board: watchdog, overheated, under_voltage,"
        " over_voltage, fan_failed; empty: it did not; absent: there is none that says so",
    )


class DiskFacts(Strict):
    """A disk that is built in or plugged in."""

    model: str | None = entry(default=None, description="As it calls itself")
    life_used: float | None = entry(
        default=None,
        description="Share at most of its life, in tenths; 1.1: more than all; absent: only an eMMC says",
    )
    reserve: Literal["normal", "warning", "urgent"] | None = entry(
        default=None, description="warning: 80 % of an eMMC's reserve blocks are used; urgent: 90 %"
    )
    written_bytes: int | None = entry(
        default=None, description="Written to it since the gateway was started, by all there is"
    )


class Room(Strict):
    """Of the file system that a folder lies on."""

    free_bytes: int = entry(description="Left for a service")
    total_bytes: int = entry(description="All of it")


class Timekeeping(Strict):
    """How good the gateway's clock is."""

    source: Literal["ntp", "system"] = entry(
        description="What makes it trusted: the kernel's word that it is synchronised, or the configuration's"
    )
    trusted: bool = entry(description="Whether it has been since the daemon started")
    kept: bool = entry(description="Whether it is kept right now; trusted and not kept: it begins to drift")
    steps: int = entry(description="How often it was set by a second or more since it is trusted")
    step_ms: int | None = entry(default=None, description="By how much the last time; absent: never")


class BusFacts(Strict):
    """A line or a connection and the devices on it; it counts from 0 when its part is started anew."""

    connected: bool = entry(description="Whether it is open")
    load: float | None = entry(
        default=None,
        ge=0,
        le=1,
        description="Share of the time since the last message that was spent asking and being answered;"
        " absent: its device pushes",
    )
    samples: int = entry(description="Polls of its devices since the daemon started, answered or not")
    incomplete: int = entry(description="How many of them gave nothing, or not all")
    missed: int = entry(description="Polls that were left out because the bus was busy")


class UplinkFacts(Strict):
    """Messages since the daemon started, or the uplink's settings changed."""

    published: int = entry(description="Handed to the broker")
    acknowledged: int = entry(description="Taken by it")
    repeated: int = entry(description="How many of those published had been sent before")
    refused: int = entry(description="Refused by it, and kept")
    rejected: int = entry(description="Refused by it, and given up")
    bytes: int = entry(description="Their payloads")
    puback_s: float | None = entry(
        default=None, description="How long the broker took to acknowledge the last one; absent: none yet"
    )


class Health(Header):
    """Topic health: how the agent and its gateway are doing. What is not known is left out, never null."""

    version: str = entry(description="Of polegate")
    config: str = entry(description="Tells the configuration in force from any other")
    uptime_s: int = entry(description="Since the daemon started, s")
    rss_bytes: int = entry(description="Resident memory of the daemon")
    cpu_s: float = entry(description="CPU time the daemon has used since it started, s")
    worker_rss_bytes: int | None = entry(
        default=None, description="Resident memory of the camera worker and its decoders; absent: none runs"
    )
    software: Software = entry(description="What it runs on")
    machine: Machine = entry(description="The gateway itself")
    disks: dict[str, DiskFacts] = entry(
        default_factory=dict, description="By the kernel's name; absent: none is seen"
    )
    space: dict[str, Room] = entry(description="outbox, and pictures where there are cameras")
    timekeeping: Timekeeping = entry(description="The gateway's clock")
    parts: dict[str, str] = entry(description="Part -> running, restarting or parked")
    buses: dict[str, BusFacts] = entry(
        default_factory=dict, description="By port or address; absent: there is none"
    )
    devices: dict[str, str] = entry(description="Device -> ok, starting, or the reason it cannot be read")
    cameras: dict[str, str] = entry(
        default_factory=dict,
        description="Camera -> ok, starting, or what is wrong with it or with its picture",
    )
    uplink: UplinkFacts | None = entry(default=None, description="Absent while it is being started")
    outbox: dict[str, int] = entry(
        description="batches, items, bytes waiting against max_bytes; oldest_ms, the time of the first, ms"
        " since 1970; expired, evicted, rejected, damaged"
        " and dead_letters since ever; dropped, readings lost before they could be written, since the start"
    )
    pictures: dict[str, int] = entry(
        default_factory=dict,
        description="waiting and waiting_bytes in the spool; delivered, lost and evicted; absent: no cameras",
    )
    events: dict[str, int] = entry(
        description="How many events and faults that were judged are open, by severity; absent: none"
    )
