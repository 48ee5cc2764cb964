"""Secrets, fetched at the moment of use and never kept, logged or quoted in a message."""

from __future__ import annotations

import os
from pathlib import Path

from agent.config_words import Secret
from agent.uplink.errors import Unusable


def locate(secret: Secret, key: str) -> Path:
    """The file that holds the secret; `key` is the configuration key that names it.

    Raises:
        Unusable: a credential, and systemd has passed none to this process.
    """
    if secret.file is not None:
        return secret.file
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if directory is None:
        raise Unusable(
            "credential_missing",
            f'{key} = {{ credential = "{secret.credential}" }}: systemd has passed no credentials; '
            f"add LoadCredential={secret.credential}:/path to the unit (systemctl edit polegate), "
            "or name a file instead",
        )
    return Path(directory) / str(secret.credential)


def read(secret: Secret, key: str) -> str:
    """The secret's text, without the newline that editors leave at its end.

    Raises:
        Unusable: it cannot be read, or is empty or not UTF-8.
    """
    path = locate(secret, key)
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise unreadable(path, key, error) from None
    except UnicodeDecodeError:
        raise Unusable("secret_garbled", f"{key}: {path} is not UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise Unusable("secret_empty", f"{key}: {path} is empty; write the secret into it")
    return text


def unreadable(path: Path, key: str, error: OSError) -> Unusable:
    """The error for a file that the configuration names and that cannot be read."""
    advice = {
        FileNotFoundError: "create it, or correct the path",
        PermissionError: "let the user that polegate runs as read it (chown root:polegate, chmod 640)",
    }.get(type(error), "check the path")
    return Unusable("file_unreadable", f"{key}: {path} cannot be read ({error.strerror}); {advice}")
