"""Files of conf.d/ that belong to a camera: read back as they were meant, never over a person's edits."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.camera.config import Camera, Zone
from agent.cli.cameras import fragment
from agent.errors import ConfigError
from agent.loading import load
from firmware_profiles.declared import checked
from pipelines import outline

HEAD = '[station]\nsite = "s"\ngateway = "g"\n[uplink]\nurl = "mqtt://localhost"\n'
CAMERA = '[cameras.bank]\nhost = "10.0.0.7"\n'
SQUARE = ((0.1, 0.1), (0.4, 0.1), (0.4, 0.4), (0.1, 0.4))
WATER = Zone(kind="water", polygon=((0.0, 0.5), (1.0, 0.5), (1.0, 1.0)))

fractions = st.floats(0, 1).map(lambda number: round(number, 4))


def is_simple(points: tuple[tuple[float, float], ...]) -> bool:
    try:
        outline.check(points)
    except ValueError:
        return False
    return True


polygons = (
    st.lists(st.tuples(fractions, fractions), min_size=3, max_size=5, unique=True)
    .map(tuple)
    .filter(is_simple)
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "polegate.toml").write_text(HEAD + CAMERA)
    return tmp_path / "polegate.toml"


def give(config: Path, **view: object) -> Path:
    loaded = load(config)
    return fragment.write_view(config, loaded.texts, "bank", loaded.config.cameras["bank"], **view)


def camera_of(config: Path) -> Camera:
    return load(config).config.cameras["bank"]


@given(st.lists(polygons, max_size=4))
def test_masks_are_read_back_as_they_were_drawn(masks) -> None:
    text = fragment.view_text("bank", masks, {"river": WATER})
    table = tomllib.loads(text)["cameras"]["bank"]
    camera = checked(Camera, {"host": "h", **table})
    assert list(camera.masks) == masks
    assert camera.zones == {"river": WATER}
    assert fragment.is_ours(text)


def test_a_view_is_written_and_laid_over(config) -> None:
    file = give(config, masks=[SQUARE])
    assert file == config.parent / "conf.d" / "view-bank.toml"
    assert camera_of(config).masks == (SQUARE,)
    give(config, zones={"river": WATER})
    assert camera_of(config).masks == (SQUARE,), "masks stay when zones are given"
    assert camera_of(config).zones == {"river": WATER}
    give(config, masks=[])
    assert camera_of(config).masks == ()
    assert not list(file.parent.glob(".*"))


def test_a_staff_keeps_its_marks(config) -> None:
    staff = checked(
        Zone,
        {
            "kind": "staff",
            "polygon": [[0.4, 0.1], [0.5, 0.1], [0.5, 0.9]],
            "marks": [{"at": [0.45, 0.2], "level_m": 12.0}, {"at": [0.45, 0.8], "level_m": 10.0}],
        },
    )
    give(config, zones={"staff": staff})
    assert camera_of(config).zones["staff"] == staff


def test_what_a_person_edited_is_left_alone(config) -> None:
    file = give(config, masks=[SQUARE])
    file.write_text(file.read_text().replace("0.4", "0.3"))
    edited = file.read_text()
    with pytest.raises(fragment.NotOurs) as caught:
        give(config, masks=[])
    assert caught.value.file == file
    assert file.read_text() == edited


def test_masks_in_a_persons_file_are_left_alone(config) -> None:
    config.write_text(HEAD + CAMERA + "masks = [[[0, 0], [1, 0], [1, 1]]]\n")
    with pytest.raises(fragment.NotOurs) as caught:
        give(config, masks=[SQUARE])
    assert caught.value.file == config
    assert tomllib.loads(caught.value.lines)["cameras"]["bank"]["masks"] == [[list(at) for at in SQUARE]]
    assert not (config.parent / "conf.d").exists()


def test_what_does_not_hold_together_is_not_written(config) -> None:
    with pytest.raises(ConfigError):
        give(config, masks=[((0.1, 0.1), (0.4, 0.1), (1.5, 0.4))])
    assert not (config.parent / "conf.d").exists()


def test_what_a_camera_says_cannot_leave_its_comment() -> None:
    text = fragment.camera_text("bank", {"host": "h", "title": 'a "b"\n'}, ["Acme\n[uplink]\r\x1b[31m"])
    assert tomllib.loads(text) == {"cameras": {"bank": {"title": 'a "b"\n', "host": "h"}}}


def test_zones_of_a_person_stay_and_masks_are_ours(config) -> None:
    config.write_text(
        HEAD + CAMERA + '[cameras.bank.zones.road]\nkind = "motion"\npolygon = [[0,0],[1,0],[1,1]]\n'
    )
    road = camera_of(config).zones["road"]
    give(config, masks=[SQUARE], zones={"road": road, "river": WATER})
    assert camera_of(config).zones == {"road": road, "river": WATER}
    assert camera_of(config).masks == (SQUARE,)
    with pytest.raises(fragment.NotOurs) as caught:
        give(config, zones={"river": WATER})
    assert (caught.value.file, caught.value.lines) == (config, "")
