"""Store every sample exactly once: python consumer.py HOST PORT FILE.db"""

import json
import sqlite3
import sys
from datetime import datetime, timedelta

from paho.mqtt.client import CallbackAPIVersion, Client


def samples(topic, payload):
    at = datetime.fromisoformat(payload["at"])
    for device in payload["devices"]:
        for seq, after_ms, *values in device["rows"]:
            moment = (at + timedelta(milliseconds=after_ms)).isoformat()
            for channel, value in zip(device["channels"], values, strict=True):
                yield topic, payload["batch"], device["device"], seq, channel, moment, value


def store(client, database, message):
    payload = json.loads(message.payload)
    with database:  # the key and what came under it in one transaction
        if database.execute("INSERT OR IGNORE INTO batch VALUES (?)", (payload["batch"],)).rowcount:
            database.executemany("INSERT INTO sample VALUES (?,?,?,?,?,?,?)", samples(message.topic, payload))
    client.ack(message.mid, message.qos)  # only now may the broker forget it


def connected(client, _database, _flags, reason, _properties):
    if reason.is_failure:
        sys.exit(f"the broker refused: {reason}")
    client.subscribe("polegate/1/+/+/readings", qos=1)


host, port, file = sys.argv[1:]
kept = sqlite3.connect(file)
kept.execute("CREATE TABLE IF NOT EXISTS batch (key TEXT PRIMARY KEY) WITHOUT ROWID")
kept.execute("CREATE TABLE IF NOT EXISTS sample (topic, batch, device, seq, channel, at, value)")
mqtt = Client(CallbackAPIVersion.VERSION2, "platform", clean_session=False, manual_ack=True, userdata=kept)
mqtt.on_connect = connected
mqtt.on_message = store
mqtt.connect(host, int(port))
mqtt.loop_forever()

# ruff: noqa: ANN001, ANN201, INP001
