"""Every fault is found under its name, lasts before it is told, and never becomes what is usual."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipelines.state import decode, encode
from pipelines.vision.quality.faults import PictureFault, record
from pipelines.vision.quality.grader import GraderSettings, PictureGrader

MINUTE_MS = 60_000
T0_MS = 1_790_000_000_000 // 86_400_000 * 86_400_000
NOON = 12 * 60
SEEDS = count()
CLIP = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")


@pytest.fixture(scope="module")
def street():
    """Pictures of a street, ten seconds apart, a little smaller than the clip's."""
    clip = cv2.VideoCapture(str(CLIP))
    frames = []
    while len(frames) < 60:
        ok, frame = clip.read()
        if not ok:
            break
        if int(clip.get(cv2.CAP_PROP_POS_FRAMES)) % 13 == 1:
            frames.append(cv2.resize(frame[72:504], (800, 450)))
    clip.release()
    assert len(frames) >= 55, "Debian's package opencv-doc brings the clip"
    return frames


def shown(world, n, *, right=0, down=0):
    """The view at minute `n`, 640 x 360, with a sensor's grain and a clock that ticks."""
    frame = world[n % len(world)][45 + down : 405 + down, 80 + right : 720 + right]
    grain = np.random.default_rng(n).normal(0, 1.5, frame.shape[:2])
    return clocked(np.clip(frame + grain[:, :, None], 0, 255).astype(np.uint8), n)


def clocked(picture, n):
    picture = picture.copy()
    cv2.putText(
        picture, f"CAM 01 12:{n % 60:02d}:00", (8, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1
    )
    return picture


def feed(grader, n, picture, **more):
    """Ten pictures a day, a minute apart, all around noon."""
    return grader.feed(
        T0_MS + (n // 10) * 86_400_000 + (NOON + n % 10) * MINUTE_MS, NOON + n % 10, picture, **more
    )


@pytest.fixture(scope="module")
def known(street):
    """What a grader remembers after three days."""
    grader = PictureGrader()
    grades = [feed(grader, n, shown(street, n)) for n in range(30)]
    assert [each.faults for each in grades] == [()] * 30
    return encode(grader.state())


@pytest.fixture
def grader(known):
    made = PictureGrader()
    made.restore(decode(known))
    return made


def blurred(picture, sigma):
    return cv2.GaussianBlur(picture, (0, 0), sigma)


def scaled(picture, *factors, lift=0.0):
    return np.clip(picture * np.array(factors, np.float32) + lift, 0, 255).astype(np.uint8)


def noisy(picture, sigma):
    """Other grain for each picture."""
    noise = np.random.default_rng(next(SEEDS)).normal(0, sigma, picture.shape[:2])
    return np.clip(picture + noise[:, :, None], 0, 255).astype(np.uint8)


def striped(picture, *, across):
    line = 25 * np.sign(np.sin(np.arange(picture.shape[0 if across else 1]) / 2.5))
    return np.clip(picture + (line[:, None, None] if across else line[None, :, None]), 0, 255).astype(
        np.uint8
    )


def hidden(picture, share):
    covered = picture.copy()
    covered[:, : int(picture.shape[1] * share)] = (70, 80, 90)
    return covered


FAULTS = {
    "black": (PictureFault.BLACK, lambda picture: scaled(picture, 0, lift=4)),
    "dark": (PictureFault.BLACK, lambda picture: scaled(picture, 0.22)),
    "bright": (PictureFault.OVER_BRIGHT, lambda picture: scaled(picture, 2.2, lift=40)),
    "tinted": (PictureFault.COLOUR_CAST, lambda picture: scaled(picture, 0.7, 0.95, 1.5)),
    "noise": (PictureFault.NOISE, lambda picture: noisy(picture, 25)),
    "rows": (PictureFault.STRIPES, lambda picture: striped(picture, across=True)),
    "columns": (PictureFault.STRIPES, lambda picture: striped(picture, across=False)),
    "blurred": (PictureFault.DEFOCUS, lambda picture: blurred(picture, 2.5)),
    "much blurred": (PictureFault.DEFOCUS, lambda picture: blurred(picture, 7)),
    "hidden": (PictureFault.OCCLUDED, lambda picture: hidden(picture, 0.6)),
    "covered": (PictureFault.OCCLUDED, lambda picture: noisy(np.full_like(picture, 90), 2)),
    "grey": (PictureFault.NIGHT_VISION,
             lambda picture: cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_under_its_name_and_opens_when_three_of_four_show_it(street, grader, name):
    fault, spoil = FAULTS[name]
    grades = [feed(grader, n, spoil(shown(street, n))) for n in range(30, 36)]
    assert [[each.fault for each in grade.faults] for grade in grades] == [[fault]] * 6
    assert [grade.open for grade in grades] == [()] * 2 + [(fault,)] * 4
    assert all(grade.score <= 50 and grade.faults[0].strength >= 1 for grade in grades)
    after = [feed(grader, n, shown(street, n)) for n in range(36, 40)]
    assert [grade.faults for grade in after] == [()] * 4
    assert [grade.open for grade in after] == [(fault,)] * 2 + [()] * 2
    assert after[-1].score > 60


@pytest.mark.parametrize(("right", "down"), [(33, 0), (-33, 0), (40, 20), (-76, -30)])
def test_a_view_that_has_shifted_by_a_twentieth_has_moved(street, grader, right, down):
    for n in range(30, 34):
        grade = feed(grader, n, shown(street, n, right=right, down=down))
        assert [each.fault for each in grade.faults] == [PictureFault.MOVED]
    assert grade.figures["shift"] == pytest.approx(np.hypot(right, down) / 640, abs=0.01)


def test_a_moved_view_never_becomes_usual_until_a_person_accepts_it(street, grader):
    for n in range(30, 80):
        grade = feed(grader, n, shown(street, n, right=40))
    assert grade.open == (PictureFault.MOVED,)
    assert grade.pictures == 30
    grader.accept_view()
    grades = [feed(grader, n, shown(street, n, right=40)) for n in range(80, 110)]
    assert grades[0].learning
    assert not grades[-1].learning
    assert all(grade.faults == () and grade.open == () for grade in grades)
    back = feed(grader, 110, shown(street, 110))
    assert [each.fault for each in back.faults] == [PictureFault.MOVED]


def test_a_view_that_creeps_is_found_although_each_step_is_small(street, grader):
    found = []
    for n in range(30, 80):
        grade = feed(grader, n, shown(street, n, right=round((n - 30) * 0.8)))
        found += [each.fault for each in grade.faults]
    assert set(found) == {PictureFault.MOVED}
    assert grade.open == (PictureFault.MOVED,)


@pytest.mark.parametrize("name", ["blurred", "tinted", "hidden", "noise", "dark"])
def test_days_of_a_fault_are_not_learned(street, grader, name):
    fault, spoil = FAULTS[name]
    for n in range(30, 70):
        grade = feed(grader, n, spoil(shown(street, n)))
    assert [each.fault for each in grade.faults] == [fault]
    assert grade.pictures == 30
    assert feed(grader, 71, shown(street, 71)).faults == ()


def test_a_frozen_picture_is_found_in_three_whatever_its_clock_says(street, grader):
    held = shown(street, 30)
    grades = [feed(grader, n, clocked(held, n)) for n in range(30, 35)]
    assert [[each.fault for each in grade.faults] for grade in grades] == [[]] + [[PictureFault.FROZEN]] * 4
    assert grades[-1].open == (PictureFault.FROZEN,)
    assert feed(grader, 36, shown(street, 36)).faults == ()


def test_pictures_less_than_five_seconds_apart_may_be_the_same(street, grader):
    picture = shown(street, 30)
    at_ms = T0_MS + 40 * 86_400_000
    assert grader.feed(at_ms, NOON, picture).faults == ()
    assert grader.feed(at_ms + 1_000, NOON, picture).faults == ()
    assert [each.fault for each in grader.feed(at_ms + 6_000, NOON, picture).faults] == [PictureFault.FROZEN]


def test_a_new_camera_is_judged_by_what_needs_no_reference_and_says_so(street):
    grader = PictureGrader()
    assert grader.feed(T0_MS, NOON, blurred(shown(street, 0), 6)).faults == ()
    absolute = {
        PictureFault.BLACK: scaled(shown(street, 1), 0), PictureFault.OVER_BRIGHT: np.full((360, 640, 3), 255, np.uint8),
        PictureFault.NOISE: noisy(shown(street, 2), 40), PictureFault.STRIPES: striped(shown(street, 3), across=True),
    }  # fmt: skip
    for n, (fault, picture) in enumerate(absolute.items()):
        grade = grader.feed(T0_MS + (n + 1) * MINUTE_MS, NOON, picture)
        assert [each.fault for each in grade.faults] == [fault]
        assert grade.learning


def test_a_picture_that_does_not_come_is_no_signal(street, grader):
    grades = [grader.missed(T0_MS + n * MINUTE_MS, "camera 3: no answer within 5 s") for n in range(3)]
    assert [grade.score for grade in grades] == [0, 0, 0]
    assert grades[0].faults[0].reason == "camera 3: no answer within 5 s"
    assert [grade.open for grade in grades] == [(), (), (PictureFault.NO_SIGNAL,)]


def test_a_frame_rate_that_falls_is_told_beside_another_fault(street, grader):
    for n in range(30, 33):
        assert feed(grader, n, shown(street, n), fps=25.0).faults == ()
    assert [each.fault for each in feed(grader, 33, shown(street, 33), fps=12.0).faults] == [
        PictureFault.LOW_FRAME_RATE
    ]
    both = feed(grader, 34, blurred(shown(street, 34), 4), fps=12.0)
    assert [each.fault for each in both.faults] == [PictureFault.DEFOCUS, PictureFault.LOW_FRAME_RATE]
    assert feed(grader, 35, shown(street, 35)).faults == ()


def test_people_cloud_and_a_lorry_for_two_pictures_open_nothing(street, grader):
    for n in range(30, 60):
        picture = shown(street, n)
        if n in (40, 41):
            picture[100:320, 100:440] = np.random.default_rng(n).integers(0, 255, (22, 34, 3), np.uint8).repeat(
                10, axis=0).repeat(10, axis=1)  # fmt: skip
        grade = feed(grader, n, scaled(picture, 0.75 + 0.25 * np.sin(n)))
        assert grade.open == ()
        assert n in (40, 41) or grade.faults == ()


def test_what_is_masked_is_not_looked_at(street):
    mask = np.zeros((720, 1280), bool)
    mask[:, :700] = True
    grader = PictureGrader()
    for n in range(30):
        assert feed(grader, n, shown(street, n), mask=mask).faults == ()
    whole = np.repeat(np.repeat(mask[::2, ::2][:, :, None], 3, axis=2), 1, axis=0)
    for n, burnt in ((30, 0), (31, 255), (32, 90)):
        picture = shown(street, n)
        picture[whole] = burnt
        assert feed(grader, n, picture, mask=mask).faults == ()
    spoilt = feed(grader, 33, blurred(shown(street, 33), 4), mask=mask)
    assert [each.fault for each in spoilt.faults] == [PictureFault.DEFOCUS]


def veiled(picture, share, grey=120):
    """Fog: everything nearer to one grey."""
    return np.clip(picture * (1 - share) + grey * share, 0, 255).astype(np.uint8)


def rained_on(picture):
    """Streaks that are sharp, whatever the lens is."""
    wet = picture.copy()
    for left, top, length in np.random.default_rng(next(SEEDS)).integers(0, (640, 360, 16), (250, 3)):
        cv2.line(wet, (int(left), int(top)), (int(left) + 2, int(top + length) + 6), (210, 210, 210), 1)
    return wet


def test_fog_takes_contrast_and_colour_but_is_neither_out_of_focus_nor_a_tint(street, grader):
    for n, share in zip(range(30, 36), (0.2, 0.3, 0.4, 0.4, 0.5, 0.5), strict=True):
        grade = feed(grader, n, veiled(shown(street, n), share))
        assert grade.faults == ()
        assert grade.figures["focus_told"] == 1
        assert abs(grade.figures["sharper"]) < 0.4


@pytest.mark.parametrize("sigma", [2.0, 4.0, 8.0])
def test_neither_rain_nor_fog_nor_a_caption_hides_that_a_picture_is_soft(street, grader, sigma):
    for n in range(30, 34):
        soft = veiled(rained_on(blurred(shown(street, n), sigma)), 0.3)
        for line in range(3):
            cv2.putText(
                soft,
                "RIVER WEST  SLUICE 2",
                (8, 40 + 20 * line),
                cv2.FONT_HERSHEY_SIMPLEX,
                0.6,
                (255,) * 3,
                1,
            )
        grade = feed(grader, n, soft)
        assert [each.fault for each in grade.faults] == [PictureFault.DEFOCUS]
        assert "% of the fine detail is left" in grade.faults[0].reason


@pytest.mark.parametrize("right", [2, 5, 9, 12])
def test_a_mast_that_sways_is_not_out_of_focus(street, grader, right):
    for n in range(30, 36):
        assert feed(grader, n, shown(street, n, right=right * (-1) ** n)).faults == ()


def test_where_there_is_no_detail_focus_is_not_judged_and_the_figures_say_so():
    grader = PictureGrader()
    slope = np.repeat(np.linspace(80, 160, 360)[:, None], 640, axis=1)
    for n in range(40):
        plain = np.clip(slope[:, :, None] + np.array((0, 10, 25)), 0, 255).astype(np.uint8)
        grade = feed(grader, n, noisy(blurred(plain, 6) if n >= 36 else plain, 3))
        assert grade.figures["focus_told"] == 0
        assert grade.figures["sharper"] == 0
        assert grade.faults == ()


def patched(across, down, covered=0):
    """So many tiles of a view with contours amid nothing, the left of them behind a cover."""
    picture = np.full((360, 640, 3), 110, np.uint8)
    texture = np.random.default_rng(4).integers(40, 200, (down * 5, across * 5, 3), np.uint8)
    picture[40 : 40 + down * 40, 40 : 40 + across * 40] = cv2.resize(texture, (across * 40, down * 40))
    picture[:, 40 : 40 + covered * 40] = 110
    return picture


@pytest.fixture(scope="module")
def small():
    """What a grader remembers of a view of 48 tiles, a third of the picture."""
    grader = PictureGrader()
    for n in range(30):
        assert feed(grader, n, noisy(patched(8, 6), 2)).faults == ()
    return encode(grader.state())


@pytest.mark.parametrize(("covered", "faults"), [(4, []), (7, [PictureFault.OCCLUDED])])
def test_of_a_small_view_more_must_be_hidden(small, covered, faults):
    """What a lorry takes of any view, 27 tiles, is more than a third of this one."""
    grader = PictureGrader()
    grader.restore(decode(small))
    for n in range(30, 33):
        grade = feed(grader, n, noisy(patched(8, 6, covered), 2))
        assert [each.fault for each in grade.faults] == faults
        assert grade.figures["lost"] > 0.345
        assert 0.25 < grade.figures["view_told"] < 0.4


def test_where_hardly_anything_is_seen_a_cover_is_not_told_nor_learned_and_the_figures_say_so():
    grader = PictureGrader()
    for n in range(30):
        assert feed(grader, n, noisy(patched(5, 5), 2)).faults == ()
    taught = feed(grader, 30, noisy(patched(5, 5), 2)).pictures
    for n in range(31, 38):
        grade = feed(grader, n, noisy(patched(5, 5, 3), 2))
        assert grade.faults == ()
        assert grade.figures["view_told"] == 0
        assert grade.figures["lost"] > 0.345
        assert grade.pictures == taught


def test_a_view_whose_lines_all_run_one_way_does_not_tell_of_a_shift_and_the_figures_say_so(street, grader):
    assert feed(grader, 30, shown(street, 30)).figures["shift_told"] == 1
    down, across = np.mgrid[0:360, 0:640]
    rail = np.repeat((110 + 50 * np.sin((down - across / 3) / 9))[:, :, None], 3, axis=2)
    grades = [feed(grader, n, noisy(rail, 2)) for grader in [PictureGrader()] for n in range(8)]
    assert grades[-1].figures["shift_told"] == 0
    assert grades[-1].figures["view_told"] > 0.5


def test_a_dark_cover_is_no_dark_picture(street, grader):
    """Behind a dark picture the view still shows."""
    covers = [feed(grader, n, noisy(np.full_like(shown(street, n), 30), 3)) for n in range(30, 33)]
    assert [[each.fault for each in grade.faults] for grade in covers] == [[PictureFault.OCCLUDED]] * 3
    dark = [feed(grader, n, scaled(shown(street, n), 0.25)) for n in range(33, 36)]
    assert [[each.fault for each in grade.faults] for grade in dark] == [[PictureFault.BLACK]] * 3


def test_after_a_restart_all_goes_on_as_if_there_had_been_none(street, known):
    through, anew = PictureGrader(), PictureGrader()
    through.restore(decode(known))
    anew.restore(decode(known))
    spoilt = {40: "hidden", 41: "hidden", 42: "hidden", 50: "blurred"}
    for n in range(30, 60):
        picture = shown(street, n)
        if n in spoilt:
            picture = FAULTS[spoilt[n]][1](picture)
        before = anew
        anew = PictureGrader()
        anew.restore(decode(encode(before.state())))
        assert record(feed(through, n, picture, fps=25.0)) == record(feed(anew, n, picture, fps=25.0))
    assert encode(through.state()) == encode(anew.state())


def test_a_state_from_before_colours_were_compared_by_tile_teaches_nothing(street, known):
    older, anew = decode(known), PictureGrader()
    del older["reference"]["tints"]
    with pytest.raises(KeyError, match="tints"):
        anew.restore(older)
    grade = feed(anew, 30, shown(street, 30))
    assert grade.learning
    assert grade.pictures == 0


def test_a_state_of_other_settings_is_refused(known):
    with pytest.raises(ValueError, match="settings"):
        PictureGrader(GraderSettings(need=2, of=5)).restore(decode(known))
    with pytest.raises(ValueError, match="expected 1 <= need <= of"):
        GraderSettings(need=5, of=4)


def test_what_is_remembered_is_bounded():
    """Every hour of the day in three lights: more than a reference keeps."""
    grader = PictureGrader()
    for n in range(24 * 3):
        light = n // 24
        base = np.random.default_rng(light).integers(0, 70 if light == 1 else 255, (18, 32, 3), np.uint8)
        picture = noisy(cv2.resize(base, (640, 360)), 2)
        if light == 2:
            picture = np.repeat(picture[:, :, :1], 3, axis=2)
        grader.feed(T0_MS + n * 60 * MINUTE_MS, n % 24 * 60 + 30, picture)
    state = grader.state()
    assert len(state["reference"]["slots"]) == 30
    assert len(state["reference"]["views"]) == 3
    assert 80 * 1024 <= len(encode(state)) <= 96 * 1024


def test_the_record_is_plain_and_complete(street, grader):
    told = record(feed(grader, 30, hidden(shown(street, 30), 0.6)))
    assert told["faults"][0]["fault"] == "occluded"
    assert told["faults"][0]["strength"] >= 1
    assert "% of the view is hidden" in told["faults"][0]["reason"]
    assert told["reference"] == {"pictures": 30, "days": 3}
    assert {
        "mean",
        "noise",
        "sharper",
        "focus_told",
        "view_told",
        "shift_told",
        "tint",
        "lost",
        "shift",
        "live",
    } <= set(told["figures"])
    assert decode(encode(told)) == told
