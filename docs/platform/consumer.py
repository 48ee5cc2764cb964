"""Store every sample, event and picture exactly once: python consumer.py HOST PORT FILE.db"""

import json
import sqlite3
import sys
from datetime import datetime, timedelta
from hashlib import sha256

from paho.mqtt.client import CallbackAPIVersion, Client

TABLES = """
CREATE TABLE IF NOT EXISTS batch (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sample (epoch, device, seq, channel, gateway, at, value, quality);
CREATE TABLE IF NOT EXISTS revision (epoch, device, seq, channel, at, quality, test,
    PRIMARY KEY (epoch, device, seq, channel));
CREATE TABLE IF NOT EXISTS event (gateway, id, at, state, severity, kind, subject, body,
    PRIMARY KEY (gateway, id));
CREATE TABLE IF NOT EXISTS manifest (gateway, id, at, state, bytes, body);
CREATE TABLE IF NOT EXISTS piece (id, start INTEGER, body BLOB, PRIMARY KEY (id, start));
CREATE TABLE IF NOT EXISTS picture (id PRIMARY KEY, body BLOB);
CREATE VIEW IF NOT EXISTS judged AS SELECT gateway, device, channel, sample.at, value,
    coalesce(revision.quality, sample.quality) AS quality
    FROM sample LEFT JOIN revision USING (epoch, device, seq, channel);
"""
NEWER = "WHERE excluded.at >= at"


def samples(gateway, epoch, payload):
    at = datetime.fromisoformat(payload["at"])
    for block in payload["devices"]:
        flags = {(flag["row"], flag.get("channel")): flag["quality"] for flag in block.get("flags", [])}
        for row, (seq, after_ms, *values) in enumerate(block["rows"]):
            moment = (at + timedelta(milliseconds=after_ms)).isoformat()
            whole = flags.get((row, None), block["quality"])
            for channel, value in zip(block["channels"], values, strict=True):
                quality = flags.get((row, channel), whole)
                yield epoch, block["device"], seq, channel, gateway, moment, value, quality


def revise(database, epoch, payload):
    for new in payload["revisions"]:
        facts = epoch, new["device"], new["seq"], new["channel"], payload["at"], new["quality"], new["test"]
        database.execute(
            "INSERT INTO revision VALUES (?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET"
            f" at = excluded.at, quality = excluded.quality, test = excluded.test {NEWER}", facts
        )  # fmt: skip


def tell(database, gateway, payload):
    facts = [payload[key] for key in ("id", "at", "state", "severity", "kind", "subject")]
    database.execute(
        "INSERT INTO event VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET at = excluded.at,"
        f" state = excluded.state, severity = excluded.severity, body = excluded.body {NEWER}",
        (gateway, *facts, json.dumps(payload)),
    )


def announce(database, gateway, payload):
    facts = [payload.get(key) for key in ("id", "at", "state", "bytes")]
    database.execute("INSERT INTO manifest VALUES (?,?,?,?,?,?)", (gateway, *facts, json.dumps(payload)))
    if payload["state"] == "lost":
        database.execute("DELETE FROM piece WHERE id = ?", (payload["id"],))
    else:
        assemble(database, payload["id"])


def assemble(database, picture):
    """Keep the picture once its pieces, each laid at its place, have the hash that it is named by."""
    found, size = database.execute(
        "SELECT sum(length(body)), (SELECT max(bytes) FROM manifest WHERE id = ?1) FROM piece WHERE id = ?1",
        (picture,),
    ).fetchone()
    if size is None or (found or 0) < size:
        return
    whole = bytearray(size)
    for start, body in database.execute("SELECT start, body FROM piece WHERE id = ?", (picture,)):
        whole[start : start + len(body)] = body
    if sha256(whole).hexdigest() == picture:
        database.execute("INSERT OR IGNORE INTO picture VALUES (?,?)", (picture, bytes(whole)))
        database.execute("DELETE FROM piece WHERE id = ?", (picture,))


def collect(client, database, message):
    """A piece: .../frames/{id}/{offset}; one of a picture that is whole already is a repeat."""
    picture, offset = message.topic.split("/")[-2:]
    with database:
        if not database.execute("SELECT 1 FROM picture WHERE id = ?", (picture,)).fetchone():
            database.execute("REPLACE INTO piece VALUES (?,?,?)", (picture, int(offset), message.payload))
            assemble(database, picture)
    client.ack(message.mid, message.qos)


def store(client, database, message):
    payload = json.loads(message.payload)
    gateway, _, leaf = message.topic.rpartition("/")
    epoch = payload["batch"].rpartition("-")[0]
    with database:  # the key and what came under it in one transaction
        if database.execute("INSERT OR IGNORE INTO batch VALUES (?)", (payload["batch"],)).rowcount:
            if leaf == "readings":
                database.executemany(
                    "INSERT INTO sample VALUES (?,?,?,?,?,?,?,?)", samples(gateway, epoch, payload)
                )
            elif leaf == "revisions":
                revise(database, epoch, payload)
            elif leaf == "frames":
                announce(database, gateway, payload)
            else:
                tell(database, gateway, payload)
    client.ack(message.mid, message.qos)  # only now may the broker forget it


def connected(client, _database, _flags, reason, _properties):
    if reason.is_failure:
        sys.exit(f"the broker refused: {reason}")
    leaves = ("readings", "revisions", "events", "faults", "frames", "frames/+/+")
    client.subscribe([(f"polegate/1/+/+/{leaf}", 1) for leaf in leaves])


host, port, file = sys.argv[1:]
kept = sqlite3.connect(file)
kept.executescript(TABLES)
mqtt = Client(CallbackAPIVersion.VERSION2, "platform", clean_session=False, manual_ack=True, userdata=kept)
mqtt.on_connect = connected
mqtt.on_message = store
mqtt.message_callback_add("polegate/1/+/+/frames/+/+", collect)
mqtt.connect(host, int(port))
mqtt.loop_forever()

# ruff: noqa: ANN001, ANN201, INP001, S608
