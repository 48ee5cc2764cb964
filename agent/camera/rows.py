"""The camera's file as a row for a city's platform: GB/T 28181 catalogue names where there is one."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from agent.camera.file import CameraRecord

_ON = frozenset({"streaming", "changing"})
_STANDS_FOR = MappingProxyType({"=": "'=", "+": "'+", "-": "'-", "@": "'@"})
"""A spreadsheet takes a text that begins so for a formula; camera names and notes are anybody's."""


def row(file: CameraRecord) -> Mapping[str, str]:
    """By column; "" for what is not known. Longitude and latitude are WGS 84."""
    score = (file.quality or {}).get("score")
    size = f"{file.imaging.width}x{file.imaging.height}" if file.imaging.width else ""
    columns = {
        "DeviceID": file.identity.id,
        "Name": file.identity.title,
        "Manufacturer": file.maker.manufacturer,
        "Model": file.maker.model,
        "Owner": file.ownership.owner,
        "CivilCode": file.identity.civil_code,
        "IPAddress": _host(file.network.host),
        "MAC": file.network.mac,
        "Status": "" if not file.state.step else "ON" if file.state.step in _ON else "OFF",
        "Longitude": file.place.longitude,
        "Latitude": file.place.latitude,
        "HorizontalFieldAngle": file.place.view_deg,
        "Resolution": size,
        "Site": file.identity.site,
        "Gateway": file.identity.gateway,
        "Camera": file.identity.camera,
        "Firmware": file.maker.firmware,
        "SerialNumber": file.maker.serial,
        "HeightM": file.place.height_m,
        "AzimuthDeg": file.place.azimuth_deg,
        "Scene": file.place.scene,
        "Sharing": file.ownership.sharing,
        "Network": file.network.description,
        "Installed": file.place.installed,
        "Codec": file.imaging.codec,
        "Fps": file.imaging.fps or None,
        "LastPicture": file.state.last_picture,
        "Score": score,
        "Faults": " ".join(file.state.faults),
        "Note": file.ownership.note,
    }
    return {name: _cell(value) for name, value in columns.items()}


def table(files: Iterable[CameraRecord]) -> str:
    """CSV of RFC 4180, a row a camera; the byte order mark lets spreadsheets read it as UTF-8."""
    rows = [row(file) for file in files]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return "\N{ZERO WIDTH NO-BREAK SPACE}" + out.getvalue()


def _host(host: str) -> str:
    return urlsplit(f"//{host}").hostname or ""


def _cell(value: object) -> str:
    if value is None or isinstance(value, int | float):
        return "" if value is None else str(value)
    text = str(value)
    return _STANDS_FOR.get(text[:1], text[:1]) + text[1:]
