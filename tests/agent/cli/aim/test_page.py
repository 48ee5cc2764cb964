"""The page in Chromium, over the real command, a real HTTP camera, and the files it writes."""

from __future__ import annotations

import re
import signal
import tomllib
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.keys import Keys

from .conftest import Page, Run, written


def saved(page) -> dict:
    file = page.config.parent / "conf.d" / "view-north.toml"
    return tomllib.loads(file.read_text())["cameras"]["north"]


def save(page) -> str:
    page["#save"].click()
    page.wait(lambda: page["#save"].text == "Save" and page["#result"].is_displayed())
    return page["#result"].text


def near(polygon, expected) -> bool:
    return all(
        abs(a - b) < 0.004
        for one, other in zip(polygon, expected, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def test_a_live_picture_with_its_size_and_time(page, run) -> None:
    assert run.said["ssh"].startswith("ssh -L ")
    assert run.said["ssh"].endswith("@192.0.2.1")
    assert page["#camera"].text == "north: North bridge"
    page.wait(lambda: page.pictures >= 3)
    assert page["#told"].text.startswith("768×576 · snapshot · ")
    assert re.fullmatch(r"\d\d:\d\d:\d\d", page["#at"].text)
    drawn = page.js(
        "const c = document.getElementById('canvas'); return [...c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data]"
    )
    assert drawn[3] == 255
    assert sum(drawn[:3]) > 60
    assert "#" not in page.js("return location.href")
    assert not page["#tab-move"].is_displayed()
    assert page.complaints == []


def test_the_focus_meter_finds_the_ring_turned_past_its_best(page, clip_camera) -> None:
    def share() -> int:
        return int(page["#share"].text.split()[0].rstrip("%") or 0)

    clip_camera.blur = 3.0
    page["#again"].click()
    page.wait(lambda: page.js("return document.querySelectorAll('#trace polyline')[0].points.length") >= 3)
    page.wait(lambda: share() >= 90)
    clip_camera.blur = 0.0
    page.wait(lambda: page["#verdict"].text == "sharp")
    clip_camera.blur = 2.0
    page.wait(lambda: page["#verdict"].text == "turn back" and share() < 50)


def test_a_box_is_measured_and_magnified(page) -> None:
    page.drag((0.25, 0.25), (0.5, 0.5))
    assert page["#region"].get_attribute("points")
    wide = page["#stage"].size
    page["#magnify"].click()
    page.wait(
        lambda: (
            page.js("return document.getElementById('board').querySelector('#region')?.points[0].x")
            in (0, -0)
        )
    )
    assert page["#stage"].size["width"] / page["#stage"].size["height"] == pytest.approx(
        wide["width"] / wide["height"], rel=0.05
    )
    page["#whole"].click()
    page.wait(lambda: not page.all("#region"))


def test_light_and_level(page) -> None:
    page.tab("light")
    page.wait(lambda: len(page.all("#histogram rect")) == 64)
    assert page["#light-verdict"].text == "Exposure is good"
    assert 100 < int(page["#mean"].text) < 140
    page.tab("level")
    page.drag((0.8, 0.5), (0.8, 0.6))
    # 0.1 of the height over 0.6 of the width of 4:3: atan(0.1 * 3 / (0.6 * 4)) = 7.1 degrees
    assert page["#degrees"].text == "7.1°"
    assert page["#turn"].text.startswith("Turn the camera clockwise")


def test_draw_save_and_find_it_again(page) -> None:
    page.tab("draw")
    page["[data-add=mask]"].click()
    page.touch_points((0.1, 0.1), (0.3, 0.1), (0.3, 0.3), (0.1, 0.1))
    page["[data-add=water]"].click()
    page.drag((0.5, 0.5), (0.7, 0.8))
    name = page["#shapes li.chosen input"]
    name.send_keys(Keys.CONTROL, "a")
    name.send_keys("River left")
    assert page["#unsaved"].is_displayed()
    text = save(page)
    assert "view-north.toml" in text
    assert "polegate reload" in text
    assert not page["#unsaved"].is_displayed()
    written = saved(page)
    assert near(written["masks"][0], [(0.1, 0.1), (0.3, 0.1), (0.3, 0.3)])
    assert written["zones"]["river_left"]["kind"] == "water"
    assert near(written["zones"]["river_left"]["polygon"], [(0.5, 0.5), (0.7, 0.5), (0.7, 0.8), (0.5, 0.8)])
    page.open()
    page.tab("draw")
    assert len(page.all("#shapes li")) == 2
    assert page["#shapes input"].get_attribute("value") == "river_left"
    assert page.complaints == []


def test_corners_are_dragged_inserted_deleted_and_it_is_undone(page) -> None:
    page.tab("draw")
    page["[data-add=motion]"].click()
    page.drag((0.2, 0.2), (0.6, 0.6), touch=True)
    page.drag((0.6, 0.6), (0.8, 0.7), touch=True)
    page.drag((0.4, 0.2), (0.4, 0.1))
    assert page["#shapes .more span"].text == "5 corners"
    page.drag((0.4, 0.4), (0.42, 0.4))
    save(page)
    points = [(0.22, 0.2), (0.42, 0.1), (0.62, 0.2), (0.82, 0.7), (0.22, 0.6)]
    assert near(saved(page)["zones"]["motion"]["polygon"], points)
    page.touch_points((0.42, 0.1))
    page["[data-key$=-corner]"].click()
    assert page["#shapes .more span"].text == "4 corners"
    page["#undo"].click()
    page["#undo"].click()
    page["#undo"].click()
    page["#redo"].click()
    save(page)
    assert near(
        saved(page)["zones"]["motion"]["polygon"],
        [(0.2, 0.2), (0.4, 0.1), (0.6, 0.2), (0.8, 0.7), (0.2, 0.6)],
    )
    page["[data-key$=-remove]"].click()
    save(page)
    assert "north" not in tomllib.loads((page.config.parent / "conf.d" / "view-north.toml").read_text()).get(
        "cameras", {}
    )


def test_by_keys_alone(page) -> None:
    page["#tab-focus"].send_keys(Keys.ARROW_RIGHT)
    page["#tab-light"].send_keys(Keys.ARROW_RIGHT)
    page["#tab-level"].send_keys(Keys.ARROW_RIGHT)
    page["[data-add=motion]"].send_keys(Keys.ENTER)
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    corner = page["[data-role=corner][data-index='2']"]
    corner.send_keys(Keys.SHIFT, Keys.ARROW_DOWN)
    page["[data-role=corner][data-index='2']"].send_keys(Keys.ARROW_RIGHT)
    page["[data-role=corner][data-index='0']"].send_keys(Keys.DELETE)
    save(page)
    assert near(saved(page)["zones"]["motion"]["polygon"], [(0.6, 0.4), (0.605, 0.65), (0.4, 0.6)])


def test_a_staff_gives_its_scale_and_mistakes_stand_where_they_are(page) -> None:
    page.tab("draw")
    page["[data-add=staff]"].click()
    page.drag((0.4, 0.2), (0.5, 0.9))
    assert "Not saved" in save(page)
    assert "a staff needs two to four marks" in page["#shapes li.wrong .mistake"].text
    for number, (y, level) in enumerate([(0.3, "2,0"), (0.8, "1.0")]):
        page["[data-key$=-mark]"].click()
        page.touch_points((0.45, y))
        page[f"[data-key$=-level{number}]"].send_keys(level)
    # half of 576 pixels are a metre
    assert page["#shapes .scale"].text == "1 m is 288 px; 1 px is 3.5 mm."
    field = page["#shapes li input[type=text]"]
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("2nd")
    assert "Not saved" in save(page)
    assert "a letter first" in page["#shapes li.wrong .mistake"].text
    assert page["[data-key$=-name]"].get_attribute("aria-invalid") == "true"
    field = page["[data-key$=-name]"]
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("gauge")
    assert "Saved" in save(page)
    staff = saved(page)["zones"]["gauge"]
    assert [mark["level_m"] for mark in staff["marks"]] == [2.0, 1.0]
    assert near([mark["at"] for mark in staff["marks"]], [(0.45, 0.3), (0.45, 0.8)])


def test_masks_are_shown_hatched_and_burnt_in(page) -> None:
    page.tab("draw")
    page["[data-add=mask]"].click()
    page.drag((0.2, 0.6), (0.4, 0.8))
    assert page.js("return getComputedStyle(document.querySelector('.shape.mask .face')).fill").startswith(
        "url("
    )
    page["#burn"].click()
    pixel = "const c = document.getElementById('canvas'); return [...c.getContext('2d').getImageData(c.width * .3, c.height * .7, 1, 1).data]"
    page.wait(lambda: all(abs(each - 56) < 6 for each in page.js(pixel)[:3]))


def test_a_file_of_a_persons_is_left_alone(page) -> None:
    text = page.config.read_text()
    page.config.write_text(text + "masks = [[[0.0, 0.0], [0.2, 0.0], [0.2, 0.2]]]\n")
    page.tab("draw")
    page["[data-add=mask]"].click()
    page.drag((0.2, 0.2), (0.6, 0.6))
    said = save(page)
    assert "polegate.toml gives this camera masks or zones" in said
    assert "[cameras.north]\nmasks = [\n    [[0." in page["#result pre"].text
    assert not list((page.config.parent / "conf.d").iterdir())
    assert page["#unsaved"].is_displayed()
    page["#copy"].click()


def test_a_camera_that_says_no_is_told_large_and_comes_back(page, clip_camera) -> None:
    clip_camera.status = 503
    page.wait(lambda: page.all("#trouble:not([hidden])"))
    assert page["#trouble-head"].text == "No picture"
    assert "503" in page["#trouble-why"].text
    assert page["#trouble-what"].text
    clip_camera.status = 200
    page.wait(lambda: not page["#trouble"].is_displayed())


def test_on_a_phone_nothing_is_cut_off(page) -> None:
    page.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 360, "height": 640, "deviceScaleFactor": 2, "mobile": True},
    )
    try:
        page.open()
        for tab in ("focus", "light", "level", "draw"):
            page.tab(tab)
            assert page.js("return document.documentElement.scrollWidth") == 360
            small = page.js(
                "return [...document.querySelectorAll('button, select')].filter(b => b.offsetParent && b.offsetHeight < 44).map(b => b.outerHTML)"
            )
            assert small == []
        page["[data-add=water]"].click()
        page.drag((0.2, 0.2), (0.6, 0.6), touch=True)
        assert page.js("return document.documentElement.scrollWidth") == 360
        assert page["#share"].get_attribute("textContent")
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_without_its_token_the_page_shows_nothing(driver, run) -> None:
    page = Page(driver, run.said["url"].partition("#")[0] + "#wrong", run.config)
    driver.get("about:blank")
    driver.get(page.url)
    page.wait(lambda: "everything behind #" in page["#trouble-why"].text)
    assert page["#camera"].text == "…"


def test_the_end_of_the_command_is_told_and_what_is_drawn_outlives_it(driver, clip_camera, tmp_path) -> None:
    config = written(tmp_path, clip_camera)
    run = Run(config, "north")
    page = Page(driver, run.said["url"], config)
    page.open()
    page.tab("draw")
    page["[data-add=mask]"].click()
    page.drag((0.2, 0.6), (0.4, 0.8))
    assert run.end(signal.SIGINT) == 0
    page.wait(lambda: page["#trouble-head"].text == "The gateway does not answer")
    assert "ssh was cut" in page["#trouble-why"].text
    again = Run(config, "north", port=urlsplit(page.url).port)
    page.wait(lambda: "everything behind #" in page["#trouble-why"].text)
    page.js("location.hash = arguments[0]", again.said["url"].partition("#")[2])
    page.wait(lambda: not page["#trouble"].is_displayed())
    save(page)
    assert near(saved(page)["masks"][0], [(0.2, 0.6), (0.4, 0.6), (0.4, 0.8), (0.2, 0.8)])
    page.close()
    assert again.end() == 0
