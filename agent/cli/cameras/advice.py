"""What to look at when a camera does not do, by what it is reached with."""

from __future__ import annotations

import errno
import os

from agent.camera.config import ONVIF_PORT, ONVIF_TLS_PORT, Camera
from agent.cli.cameras import texts as camera_texts
from agent.config_words import split_host_port
from drivers.errors import DriverError

HTTPS_PORTS = (ONVIF_TLS_PORT, 8443)
UNTRUSTED = "certificate is not trusted"
"""As the messages of the drivers have it."""


def advised(reason: str, message: str, camera: Camera, name: str = "") -> str:
    """What to look at, "" where the message says all; `name` is its name in the configuration, if it has one.

    A secret that only the daemon may read needs another user, not another secret.
    """
    if os.strerror(errno.EACCES) in message:
        return camera_texts.NO_PERMISSION
    if ".profile: the camera has no" in message:
        return camera_texts.PROFILE
    if UNTRUSTED in message:
        return camera_texts.UNTRUSTED_KEYS.format(name=name) if name else camera_texts.UNTRUSTED_OPTIONS
    return _who(camera, name) if reason == "unauthorised" else _where(reason, message, camera, name)


def _where(reason: str, message: str, camera: Camera, name: str) -> str:
    said = message.startswith(("rtsp://", "http://", "https://")) or "no such name" in message
    if camera.host is None or said:
        return ""
    if not camera.https and _wants_https(reason, message, camera.host):
        return camera_texts.HTTPS_KEY.format(name=name) if name else camera_texts.HTTPS_OPTION
    return camera_texts.ADVICE.get(reason, "")


def explained(error: DriverError, camera: Camera, name: str, *, configured: bool) -> str:
    """What went wrong and what to look at; in options where the camera is not configured."""
    return told(error.reason, str(error), camera, name, configured=configured)


def told(reason: str, message: str, camera: Camera, name: str, *, configured: bool) -> str:
    """As `explained`, of what is left of an error."""
    advice = advised(reason, message, camera, name if configured else "")
    return "\n".join(filter(None, [message if configured else _in_options(message, name), advice]))


def _in_options(message: str, name: str) -> str:
    """Of a camera that is in no configuration: what its keys are called on the command line."""
    for key, option in (("password", "--password-file"), ("profile", "--profile")):
        message = message.replace(f"cameras.{name}.{key}:", f"{option}:")
    return message


def _who(camera: Camera, name: str) -> str:
    if camera.username is not None:
        return camera_texts.USER_REFUSED.format(user=camera.username)
    return camera_texts.NO_USER_KEYS.format(name=name) if name else camera_texts.NO_USER_OPTIONS


def _wants_https(reason: str, message: str, host: str) -> bool:
    """It hung up on plain HTTP at a port for HTTPS, or sends us to another address."""
    if "sends us elsewhere" in message:
        return True
    answers = reason in ("closed", "garbled", "refused") and "connection refused" not in message
    return answers and split_host_port(host, ONVIF_PORT)[1] in HTTPS_PORTS
