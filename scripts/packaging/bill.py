"""What is in the package, under which licence: a CycloneDX 1.6 bill of materials, and the licences' texts."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from email.message import Message
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from scripts.packaging import vendored
from scripts.packaging.wheels import MACHINES, Wheel, target_of

# Licences told only as trove classifiers, by https://spdx.org/licenses. "BSD" alone does not say which.
SPDX = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "ISC License (ISCL)": "ISC",
}
SPELT = {*SPDX.values(), "BSD-3-Clause", "BSD-2-Clause"}
TEXTS = ("licenses", "LICENSE", "COPYING")

# Sites of files that declare a licence in words only, read by a person: name -> SPDX expression.
READ_BY_A_PERSON = {"pyserial": "BSD-3-Clause", "aiomqtt": "BSD-3-Clause"}

RULE = "=" * 100
COPYLEFT = (
    "Some bring shared objects under the GNU GPL or LGPL, which are listed with them; the texts of these are",
    "in /usr/share/common-licenses. Who passes the package on owes its receivers their sources.",
)


def licence_of(metadata: Message) -> str:
    """The SPDX expression; where none is told, the makers' own words."""
    if expression := metadata["License-Expression"]:
        return str(expression)
    if known := READ_BY_A_PERSON.get(canonicalize_name(metadata["Name"])):
        return known
    if metadata["License"] in SPELT:
        return str(metadata["License"])
    classifiers = [
        text.rpartition(" :: ")[2]
        for text in metadata.get_all("Classifier", [])
        if text.startswith("License")
    ]
    if classifiers and all(text in SPDX for text in classifiers):
        return " OR ".join(SPDX[text] for text in classifiers)
    return str(metadata["License"] or ", ".join(classifiers) or "not declared")


def materials(package: str, version: str, arch: str, wheels: Mapping[str, Wheel], epoch: int) -> str:
    """CycloneDX 1.6 JSON of a Debian package and of the libraries it carries, as of `epoch`, s UTC."""
    described = {name: wheel.metadata() for name, wheel in sorted(wheels.items())}
    purls = {name: f"pkg:pypi/{name}@{metadata['Version']}" for name, metadata in described.items()}
    own = f"pkg:deb/{package}@{version}?arch={arch}"
    bill: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)),
            "component": {
                "type": "application", "bom-ref": own, "name": package, "version": version, "purl": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": [
            _component(wheels[name], metadata, purls[name]) for name, metadata in described.items()
        ],
        "dependencies": [
            {"ref": own, "dependsOn": sorted(purls.values())},
            *_dependencies(described, purls, arch),
        ],
    }  # fmt: skip
    bill["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bill, sort_keys=True)).urn
    return json.dumps(bill, indent=1, ensure_ascii=False) + "\n"


def _dependencies(
    described: Mapping[str, Message], purls: Mapping[str, str], arch: str
) -> Iterator[dict[str, Any]]:
    for name, metadata in described.items():
        needed = {purls[other] for other in _needs(metadata, arch) if other in purls}
        yield {"ref": purls[name], "dependsOn": sorted(needed)}


def _component(wheel: Wheel, metadata: Message, purl: str) -> dict[str, Any]:
    """A library, with what is compiled into it where its makers tell (PEP 770), and what it brings along."""
    component = {
        "type": "library", "bom-ref": purl, "name": metadata["Name"], "version": metadata["Version"],
        "hashes": [{"alg": "SHA-256", "content": wheel.sha256}],
        "licenses": _licences(licence_of(metadata)), "purl": purl,
    }  # fmt: skip
    told = [
        {key: part[key] for key in ("type", "name", "version", "hashes", "licenses", "purl") if key in part}
        for _, text in wheel.texts("sboms")
        for part in json.loads(text).get("components", [])
        if not part.get("purl", "").startswith(f"{purl}?")  # itself
    ]
    brought = [
        {
            "type": "file", "name": each.name, "hashes": [{"alg": "SHA-256", "content": each.sha256}],
            "licenses": [{"expression": each.licence}],
        }
        for each in vendored.objects(wheel)
    ]  # fmt: skip
    inside = {json.dumps(part, sort_keys=True): part for part in (*told, *brought)}
    return {**component, "components": list(inside.values())} if inside else component


def _licences(words: str) -> list[dict[str, Any]]:
    if words in SPELT:
        return [{"license": {"id": words}}]
    if any(f" {word} " in words for word in ("OR", "AND", "WITH")):
        return [{"expression": words}]
    return [{"license": {"name": words}}]


def _needs(metadata: Message, arch: str) -> Iterator[str]:
    target = target_of(MACHINES[arch])
    for line in metadata.get_all("Requires-Dist", []):
        needed = Requirement(line)
        if needed.marker is None or needed.marker.evaluate(environment=target):
            yield canonicalize_name(needed.name)


def licences(wheels: Mapping[str, Wheel]) -> str:
    """THIRD-PARTY-LICENSES.txt: a table, then every text that the wheels hold."""
    described = [(wheel, wheel.metadata()) for _, wheel in sorted(wheels.items())]
    lines = ["Libraries inside this package, with their licences; the texts follow.", ""]
    if any("GPL" in each.licence for wheel, _ in described for each in vendored.objects(wheel)):
        lines += [*COPYLEFT, ""]
    lines += [f"{data['Name']:26}{data['Version']:12}{licence_of(data)}" for _, data in described]
    for wheel, data in described:
        lines += ["", RULE, f"{data['Name']} {data['Version']}: {licence_of(data)}", *_sites(data)]
        if compiled := _compiled_in(wheel):
            lines += ["", "Compiled into it, or brought along:", *compiled]
        texts = {text.strip(): name for folder in TEXTS for name, text in wheel.texts(folder)}
        for text, name in texts.items():
            lines += [RULE, f"{name}:", "", text]
        if not texts:
            lines += ["", "Its wheel holds no text of the licence."]
    return "\n".join(lines) + "\n"


def _sites(metadata: Message) -> list[str]:
    sites = [metadata["Home-page"], *metadata.get_all("Project-URL", [])]
    return [str(site).rpartition(", ")[2] for site in sites if site][:1]


def _compiled_in(wheel: Wheel) -> list[str]:
    metadata = wheel.metadata()
    purl = f"pkg:pypi/{canonicalize_name(metadata['Name'])}@{metadata['Version']}"
    parts = _component(wheel, metadata, purl).get("components", [])
    return [f"  {part['name']:60}{part.get('version', ''):20}{_told(part)}" for part in parts]


def _told(part: Mapping[str, Any]) -> str:
    return ", ".join(
        str(
            each.get("expression") or each.get("license", {}).get("id") or each.get("license", {}).get("name")
        )
        for each in part.get("licenses", [])
    )
