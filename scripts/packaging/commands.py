"""The tree of polegate's commands, as the manual page and the completion see it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import click

from agent.cli.main import group


@dataclass(frozen=True, slots=True)
class Verb:
    """A command with its words, as typed: ("polegate", "events", "ack")."""

    words: tuple[str, ...]
    command: click.Command
    context: click.Context

    def options(self) -> list[click.Option]:
        """Every option but those that are hidden, --help too."""
        shown = [item for item in self.command.get_params(self.context) if isinstance(item, click.Option)]
        return [option for option in shown if not option.hidden]

    def arguments(self) -> list[click.Argument]:
        return [item for item in self.command.params if isinstance(item, click.Argument)]

    def verbs(self) -> list[str]:
        """The words that may follow."""
        if isinstance(self.command, click.Group):
            return self.command.list_commands(self.context)
        return []


def verbs() -> Iterator[Verb]:
    """All of them, a group before its members."""
    yield from _below(("polegate",), group, None)


def _below(words: tuple[str, ...], command: click.Command, parent: click.Context | None) -> Iterator[Verb]:
    settings = {"terminal_width": 100, **command.context_settings}
    context = command.context_class(command, info_name=words[-1], parent=parent, **settings)
    verb = Verb(words, command, context)
    yield verb
    for name in verb.verbs():
        member = command.get_command(context, name) if isinstance(command, click.Group) else None
        if member is not None and not member.hidden:
            yield from _below((*words, name), member, context)
