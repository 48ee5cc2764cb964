"""JSON Schema of the configuration, its rules included."""

from __future__ import annotations

from typing import Any

from agent.config import Config
from agent.judge.rule_schema import rules_schema
from firmware_profiles.declared import schema_of


def json_schema() -> dict[str, Any]:
    """JSON Schema of the configuration file, for editors."""
    schema = schema_of(Config)
    schema["properties"]["rules"], definitions = rules_schema()
    schema["$defs"] |= definitions
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "polegate configuration",
        **schema,
    }
