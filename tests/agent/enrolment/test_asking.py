"""A certificate from the server that the configuration names, whatever its protocol."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.certificates import Authority
from fakes.enrolment import EnrolmentServer, EstServer, StepServer

from agent.certificates import read_pem
from agent.config import Enrolment
from agent.enrolment.asking import ROOT_CA, first, next_one
from agent.enrolment.errors import EnrolmentFailed
from agent.enrolment.ours import Ours
from firmware_profiles.declared import checked


def enrolment(server: EnrolmentServer, by: str, ca: Path | None = None) -> Enrolment:
    return checked(Enrolment, {"by": by, "url": server.url, **({"ca": str(ca)} if ca else {})})


def test_by_est(est: EstServer, authority: Authority, ours: Ours, tmp_path: Path) -> None:
    settings = enrolment(est, "est", authority.ca)
    ours.certificate.write_text(first(settings, ours, tmp_path, "once-4711"))
    assert [each.name for each in read_pem(ours.certificate.read_text())] == ["pole-7"], "no root goes along"
    serial = read_pem(next_one(settings, ours, tmp_path))[0].serial
    assert serial != read_pem(ours.certificate.read_text())[0].serial
    assert not (tmp_path / ROOT_CA).exists()


def test_by_step_the_root_is_kept_for_the_renewals(step: StepServer, ours: Ours, tmp_path: Path) -> None:
    settings = enrolment(step, "step")
    ours.certificate.write_text(first(settings, ours, tmp_path, step.token("pole-7")))
    root = (tmp_path / ROOT_CA).read_text()
    assert "BEGIN CERTIFICATE" in root
    assert read_pem(next_one(settings, ours, tmp_path))[0].name == "pole-7"
    with pytest.raises(EnrolmentFailed, match="the token is for pole-8, and this gateway is pole-7"):
        first(settings, ours, tmp_path, step.token("pole-8"))


def test_a_ca_in_the_tree_of_another_system(
    est: EstServer, authority: Authority, ours: Ours, tmp_path: Path
) -> None:
    root = tmp_path / "image"
    (root / "data").mkdir(parents=True)
    (root / "data/ca.pem").write_text(authority.ca.read_text())
    (root / "etc").symlink_to("/data")
    settings = enrolment(est, "est", Path("/etc/ca.pem"))
    assert read_pem(first(settings, ours, tmp_path, "once-4711", root))[0].name == "pole-7"
