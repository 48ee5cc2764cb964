"""Shell completion: for bash a table of words, so that a slow gateway answers at once; else the program."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click
from click.shell_completion import FishComplete, ZshComplete

from agent.cli.main import group
from scripts.packaging.commands import Verb, verbs

BASH = """\
# bash completion for polegate: its commands, their options, file names where one is expected.
_polegate() {{
    local IFS=$' \\t\\n' cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}}
    local word words='' files='' verb=polegate
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$verb $word" in
{verbs}
        esac
    done
    case "$verb $prev" in
{takes}
    esac
    case $verb in
{words}
    esac
    [[ $cur == -* || ! $files ]] || compopt -o default
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -F _polegate polegate
"""


def bash() -> str:
    """A function that knows all words by heart."""
    tree = list(verbs())
    known = [" ".join(verb.words) for verb in tree[1:]]
    return BASH.format(
        verbs=f'            {_patterns(known)}) verb+=" $word" ;;',
        takes="\n".join(_takes(tree)),
        words="\n".join(f"        {_patterns([' '.join(verb.words)])}) {_words(verb)} ;;" for verb in tree),
    )


def zsh() -> str:
    return ZshComplete(group, {}, "polegate", "_POLEGATE_COMPLETE").source()


def fish() -> str:
    return FishComplete(group, {}, "polegate", "_POLEGATE_COMPLETE").source()


def _patterns(commands: list[str]) -> str:
    return "|".join(shlex.quote(command) for command in commands)


def _takes(tree: list[Verb]) -> Iterator[str]:
    """After an option that takes a value: its choices, files, or nothing."""
    for verb in tree:
        for option in verb.options():
            if option.is_flag or option.count:
                continue
            after = _patterns([f"{' '.join(verb.words)} {name}" for name in option.opts])
            if isinstance(option.type, click.Path | click.File):
                yield f"        {after}) compopt -o default; COMPREPLY=(); return ;;"
            elif isinstance(option.type, click.Choice):
                words = shlex.quote(" ".join(map(str, option.type.choices)))
                yield f'        {after}) COMPREPLY=($(compgen -W {words} -- "$cur")); return ;;'
            else:
                yield f"        {after}) COMPREPLY=(); return ;;"


def _words(verb: Verb) -> str:
    options = [name for option in verb.options() for name in option.opts if name.startswith("--")]
    said = f"words={shlex.quote(' '.join([*verb.verbs(), *sorted(options)]))}"
    takes_files = any(isinstance(argument.type, click.Path | click.File) for argument in verb.arguments())
    return f"{said} files=1" if takes_files else said
