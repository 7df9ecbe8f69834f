"""The tab Correct in a real browser, on a shot that stands in for a run's own."""

from __future__ import annotations

import json
import time

import pytest
from monitor_stage import until, wait_for
from shot_double import ShotDouble

pytestmark = pytest.mark.browser


@pytest.fixture
def correct(stage, open_page, tmp_path):
    """``correct(kind)`` opens the tab on the run sky: (page, double). Nothing may have gone wrong in it."""
    pages = []

    def open_it(kind="matte", mattes=(), **named):
        page = open_page(stage.url, **named)
        double = ShotDouble(kind, tmp_path)
        double.mattes = list(mattes)
        double.intercept(page)
        page.wait_for_selector('.ag-row[row-id="sky"]')
        enter(page)
        pages.append(page)
        return page, double

    yield open_it
    for page in pages:
        assert page.complaints == []


def enter(page):
    page.locator('.ag-row[row-id="sky"] [col-id="name"]').first.click()
    page.get_by_role("tab", name="Correct").click()
    shown(page, 1001)


def shown(page, frame, checkpoint=400):
    """Wait until the result of this frame is on the easel."""
    page.wait_for_selector(f".us-correct[data-shown='{frame}@{checkpoint}']")


def place(page, x, y):
    """Where a pixel of the frame is on the page, in a view that is fitted."""
    box = page.locator(".us-easel").bounding_box()
    scale = min(box["width"] / 192, box["height"] / 128)
    left = box["x"] + (box["width"] - 192 * scale) / 2
    return left + x * scale, box["y"] + (box["height"] - 128 * scale) / 2 + y * scale


def drag(page, *points, button="left"):
    page.mouse.move(*place(page, *points[0]))
    page.mouse.down(button=button)
    for point in points[1:]:
        page.mouse.move(*place(page, *point), steps=5)
    page.mouse.up(button=button)


def colour(page, x, y):
    """[r, g, b] as the browser shows this pixel of the frame; the brush is moved away."""
    page.mouse.move(5, 5)
    at = place(page, x, y)
    box = page.locator(".us-easel").bounding_box()
    spot = [at[0] - box["x"], at[1] - box["y"]]
    return page.evaluate(
        """async ([x, y]) => {
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          const canvas = document.querySelector(".us-easel canvas");
          const dense = canvas.width / canvas.clientWidth;
          return [...canvas.getContext("2d").getImageData(x * dense, y * dense, 1, 1).data].slice(0, 3);
        }""",
        spot,
    )


def waiting(page):
    """What is not saved yet, as the page says it."""
    return [
        row.split("\n")[:2] for row in page.locator(".us-save").locator("..").locator("li").all_inner_texts()
    ]


def saved(page, double):
    """Save; what was posted. A key that is pressed while a busy page is still at the last stroke is lost, and
    is pressed again."""
    count = len(double.posted)
    pressed = [0.0]

    def is_posted():
        if len(double.posted) > count:
            return True
        if time.monotonic() - pressed[0] > 15:
            pressed[0] = time.monotonic()
            page.keyboard.press("Control+s")
        return False

    until(is_posted)
    return double.posted[-1]


def frame(page):
    return int(page.locator(".us-correct").get_attribute("data-frame"))


# -- the strip ---------------------------------------------------------------------------------------------


def test_the_strip_shows_what_is_painted_suggested_and_risky_and_a_click_shows_the_frame(correct):
    page, _ = correct()
    cell = page.locator(".us-cell[data-frame='1012']")
    until(lambda: "suggestion 1: the disc is far right" in cell.get_attribute("title"))
    assert "expected error 0.12" in cell.get_attribute("title")
    painted = page.locator(".us-cell.painted")
    assert [int(each) for each in painted.evaluate_all("all => all.map(e => e.dataset.frame)")] == [
        1001,
        1007,
    ]
    assert [cell.get_attribute("data-frame") for cell in page.locator(".us-cell.suggested").all()] == [
        "1004",
        "1009",
        "1012",
    ]
    bars = page.locator(".us-riskbar").evaluate_all(
        "all => all.map(e => getComputedStyle(e).backgroundColor)"
    )
    assert len(set(bars)) == 12
    cell.click()
    shown(page, 1012)
    until(lambda: page.locator(".us-cell img").count() == 12)


def test_the_cells_follow_the_window_until_a_width_is_chosen(correct):
    page, _ = correct(width=900)
    cell = page.locator(".us-cell").first

    def wide():
        return cell.bounding_box()["width"]

    until(lambda: wide() == 72)
    page.set_viewport_size({"width": 1440, "height": 900})
    until(lambda: wide() == 96)
    cell.hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, 60)
    page.keyboard.up("Control")
    until(lambda: wide() < 96)
    chosen = wide()
    page.set_viewport_size({"width": 1500, "height": 900})
    until(lambda: page.locator(".us-risk").bounding_box()["width"] > 1440)
    page.wait_for_timeout(200)
    assert wide() == chosen


def test_arrows_step_through_the_shot_and_suggested_frames_are_a_key_away(correct):
    page, _ = correct()
    until(lambda: page.locator(".us-cell.suggested").count() == 3)
    page.keyboard.press("ArrowRight")
    shown(page, 1002)
    page.keyboard.press("End")
    shown(page, 1012)
    page.keyboard.press("ArrowLeft")
    shown(page, 1011)
    page.get_by_role("button", name="Next suggested").click()
    shown(page, 1012)
    page.keyboard.press("s")
    shown(page, 1004)
    page.keyboard.press("Control+ArrowLeft")
    shown(page, 1012)


def test_long_shots_scroll_and_have_only_the_cells_in_sight(correct, monkeypatch):
    monkeypatch.setattr("shot_double.FRAMES", list(range(1001, 3001)))
    page, _ = correct()
    assert page.locator(".us-cell").count() < 60
    page.keyboard.press("End")
    shown(page, 3000)
    page.locator(".us-cell.on[data-frame='3000']").wait_for()
    box = page.locator(".us-risk").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 10)
    until(lambda: abs(frame(page) - 2001) < 4)
    assert page.locator(".us-cell.on").count() == 1


# -- looking -----------------------------------------------------------------------------------------------


def test_plate_result_difference_truth_and_wipe_are_looked_at(correct):
    page, _ = correct()
    page.keyboard.press("a")
    right_half = (75, 64)  # of the disc: the result has only its left half
    assert colour(page, *right_half) == [0, 0, 0] and colour(page, 45, 64) == [255, 255, 255]
    page.get_by_role("tab", name="Plate").click()
    until(lambda: colour(page, *right_half)[0] == 210)
    page.keyboard.press("3")
    until(lambda: colour(page, *right_half) == [255, 255, 255])
    page.get_by_role("tab", name="Truth").click()
    until(lambda: colour(page, *right_half) == [255, 255, 255] and colour(page, 45, 64) == [255, 255, 255])
    page.keyboard.press("w")
    until(lambda: colour(page, 45, 64)[0] == 210)  # left of the line: the plate
    drag(page, (96, 100), (20, 100))
    until(lambda: colour(page, 45, 64) == [255, 255, 255])
    page.keyboard.press("ArrowRight")
    shown(page, 1002)
    assert page.get_by_role("tab", name="Truth").is_disabled()


def test_the_matte_lies_over_the_plate_or_stands_alone_or_cuts_it_out(correct):
    page, _ = correct()
    inside, outside = (45, 64), (150, 64)
    plate = [60, 90, 102]
    assert colour(page, *outside) == pytest.approx(plate, abs=2)
    assert colour(page, *inside)[0] > 225 and colour(page, *inside)[1] < 120
    page.keyboard.press("k")
    until(lambda: colour(page, *outside)[0] in (52, 68))
    assert colour(page, *inside) == pytest.approx([210, 150, 102], abs=2)


def test_wheel_space_and_middle_button_zoom_and_pan_and_fit_comes_back(correct):
    page, double = correct()
    zoom = lambda: page.locator(".us-easel").get_attribute("data-zoom")  # noqa: E731
    centre = lambda: page.locator(".us-easel").get_attribute("data-centre")  # noqa: E731
    page.mouse.move(*place(page, 60, 64))
    page.mouse.wheel(0, -400)
    until(lambda: float(zoom()) > 2)
    before = centre()
    drag(page, (90, 60), (100, 70), button="middle")
    until(lambda: centre() != before)
    before = centre()
    page.keyboard.down(" ")
    drag(page, (90, 60), (110, 70))
    page.keyboard.up(" ")
    until(lambda: centre() != before)
    page.keyboard.press("f")
    until(lambda: zoom() == "1.000")
    page.get_by_role("button", name="1:1").click()
    until(lambda: page.locator(".us-correct .us-zoom").inner_text() == "100 %")
    assert waiting(page) == [] and double.posted == []


# -- painting ----------------------------------------------------------------------------------------------


def test_strokes_on_a_matte_show_at_once_and_are_undone_and_redone(correct):
    page, _ = correct()
    page.keyboard.press("a")
    drag(page, (75, 50), (75, 80))
    assert colour(page, 75, 64) == [255, 255, 255]
    page.keyboard.press("n")
    assert page.get_by_role("button", name="Remove").get_attribute("aria-pressed") == "true"
    drag(page, (45, 50), (45, 80))
    assert colour(page, 45, 64) == [0, 0, 0]
    assert waiting(page) == [["1001", "2 strokes"]]
    page.keyboard.press("Control+z")
    until(lambda: colour(page, 45, 64) == [255, 255, 255])
    page.keyboard.press("Control+z")
    until(lambda: colour(page, 75, 64) == [0, 0, 0])
    assert waiting(page) == []
    page.keyboard.press("Control+Shift+Z")
    until(lambda: colour(page, 75, 64) == [255, 255, 255])
    page.get_by_role("button", name="Redo").click()
    until(lambda: colour(page, 45, 64) == [0, 0, 0])


def test_of_several_mattes_one_is_shown_and_painted_at_a_time(correct):
    mattes = [{"name": "hero", "colour": "#eb4637"}, {"name": "car", "colour": "#468cff"}]
    page, double = correct(mattes=mattes)
    page.keyboard.press("a")
    assert colour(page, 50, 64) == [255, 255, 255] and colour(page, 140, 64) == [0, 0, 0]
    drag(page, (75, 50), (75, 80))
    page.get_by_label("Matte", exact=True).select_option("car")
    until(lambda: colour(page, 75, 64) == [0, 0, 0] and colour(page, 50, 64) == [0, 0, 0])
    drag(page, (20, 50), (20, 80))
    until(lambda: colour(page, 20, 64) == [255, 255, 255])
    page.get_by_label("Matte", exact=True).select_option("hero")
    until(lambda: colour(page, 75, 64) == [255, 255, 255] and colour(page, 20, 64) == [0, 0, 0])
    page.keyboard.press("Control+z")  # the last stroke is the car's: it is shown as it goes
    until(lambda: page.get_by_label("Matte", exact=True).input_value() == "car")
    page.keyboard.press("Control+Shift+Z")
    (document,) = saved(page, double)["strokes"]
    assert [stroke["matte"] for stroke in document["strokes"]] == ["hero", "car"]


def test_what_is_sent_is_the_stroke_itself(correct):
    page, double = correct()
    page.keyboard.press("x")
    drag(page, (75, 50), (75, 80))
    stroke = saved(page, double)["strokes"][0]
    assert (stroke["version"], stroke["frame"]) == (1, 1001)
    assert double.opened == 1, "with the first stroke the run begins to be read"
    (edge,) = stroke["strokes"]
    assert edge["tool"] == "edge" and set(edge) == {"tool", "points", "size", "hardness", "opacity"}
    assert edge["points"][0] == pytest.approx([75, 50, 1], abs=0.5)
    assert edge["points"][-1] == pytest.approx([75, 80, 1], abs=1.5)


def test_size_and_hardness_follow_brackets_and_dragging_with_shift(correct):
    page, double = correct()
    output = page.locator(".us-brushbar output")
    assert output.all_inner_texts() == ["40 px", "80 %", "100 %"]
    page.keyboard.press("]")
    assert output.nth(0).inner_text() == "48 px"
    page.keyboard.press("[")
    page.keyboard.press("{")
    assert output.all_inner_texts() == ["40 px", "70 %", "100 %"]
    page.keyboard.down("Shift")
    drag(page, (75, 50), (85, 50))
    page.keyboard.up("Shift")
    until(lambda: output.nth(0).inner_text() == "50 px")
    page.keyboard.down("Control")
    page.keyboard.down("Shift")
    drag(page, (75, 50), (65, 50))
    page.keyboard.up("Shift")
    page.keyboard.up("Control")
    until(lambda: output.nth(1).inner_text() != "70 %")
    page.get_by_role("slider", name="Opacity").fill("0.5")
    page.keyboard.press("a")
    drag(page, (75, 50), (75, 80))
    assert colour(page, 75, 64) == pytest.approx([128] * 3, abs=2)
    (stroke,) = saved(page, double)["strokes"][0]["strokes"]
    assert stroke["size"] == pytest.approx(50, abs=0.5) and stroke["opacity"] == 0.5


def test_a_pen_tells_its_pressure_and_its_eraser_removes(correct):
    page, double = correct()
    box = page.locator(".us-easel").bounding_box()
    x, y = place(page, 75, 64)

    def pen(kind, at, button=0, buttons=1, pressure=0.25):
        page.evaluate(
            """([kind, x, y, button, buttons, pressure]) => document.querySelector(".us-easel").dispatchEvent(
            new PointerEvent(kind, { clientX: x, clientY: y, button, buttons, pressure, pointerType: "pen",
            pointerId: 1, bubbles: true, cancelable: true }))""",
            [kind, at[0], at[1], button, buttons, pressure],
        )

    page.evaluate("Element.prototype.setPointerCapture = () => {}")
    for button, buttons in ((0, 1), (5, 32)):
        pen("pointerdown", (x, y), button, buttons)
        pen("pointermove", (x, y + box["height"] / 10), button, buttons, 0.75)
        pen("pointerup", (x, y), button, buttons)
    add, remove = saved(page, double)["strokes"][0]["strokes"]
    assert (add["tool"], remove["tool"]) == ("add", "remove")
    assert [point[2] for point in add["points"]] == [0.25, 0.75]


def test_images_are_revealed_cloned_painted_and_blurred(correct):
    page, double = correct("image")
    page.get_by_role("button", name="Reveal").click()
    dark = colour(page, 45, 64)
    assert dark[0] < 60
    drag(page, (45, 60), (45, 70))
    assert colour(page, 45, 64) == pytest.approx([210, 150, 102], abs=2)
    page.keyboard.press("c")
    page.keyboard.down("Control")
    page.mouse.click(*place(page, 75, 64))
    page.keyboard.up("Control")
    drag(page, (150, 64), (155, 64))
    assert colour(page, 150, 64) == pytest.approx([210, 150, 102], abs=3)
    page.keyboard.press("n")
    page.keyboard.down("Control")
    page.mouse.click(*place(page, 150, 20))
    page.keyboard.up("Control")
    drag(page, (100, 110), (110, 110))
    assert colour(page, 105, 110) == pytest.approx([60, 90, 80], abs=2)
    page.get_by_label("Colour").fill("#ff8000")
    drag(page, (140, 110), (150, 110))
    assert colour(page, 145, 110) == [255, 128, 0]
    page.keyboard.press("x")
    drag(page, (60, 90), (62, 90))
    reveal, clone, picked, painted, blur = saved(page, double)["strokes"][0]["strokes"]
    assert reveal["tool"] == "reveal" and blur["tool"] == "blur"
    assert clone["tool"] == "clone" and clone["offset"] == pytest.approx([-75, 0], abs=1)
    assert picked["pick"]["of"] == "result" and picked["pick"]["at"] == pytest.approx([150, 20], abs=1)
    assert painted["colour"] == pytest.approx([1, 128 / 255, 0], abs=1e-3) and "pick" not in painted


def test_a_clone_reads_from_another_frame(correct):
    page, double = correct("image")
    page.get_by_role("button", name="Clone").click()
    page.get_by_label("From frame").fill("1012")
    page.keyboard.press("Tab")
    until(lambda: "Offset 0, 0" in page.locator(".us-brushbar").inner_text())
    page.wait_for_timeout(300)
    drag(page, (110, 60), (110, 70))  # the left half of the disc of frame 1012 is dark there
    assert colour(page, 110, 64)[0] < 60
    (clone,) = saved(page, double)["strokes"][0]["strokes"]
    assert clone["from_frame"] == 1012 and clone["offset"] == [0, 0]


# -- keeping and saving ------------------------------------------------------------------------------------


def test_a_reload_loses_nothing(correct):
    page, double = correct()
    drag(page, (75, 50), (75, 80))
    page.keyboard.press("ArrowRight")
    shown(page, 1002)
    page.get_by_role("button", name="Right as it is").click()
    assert waiting(page) == [["1001", "1 stroke"], ["1002", "right as it is"]]
    page.reload()
    page.wait_for_selector('.ag-row[row-id="sky"]')
    enter(page)
    assert waiting(page) == [["1001", "1 stroke"], ["1002", "right as it is"]]
    page.keyboard.press("a")
    assert colour(page, 75, 64) == [255, 255, 255]
    assert page.locator(".us-cell .us-pending").count() == 2
    body = saved(page, double)
    assert body["accept"] == "1002" and body["strokes"][0]["frame"] == 1001
    wait_for(page, "!Object.keys(localStorage).some((key) => key.includes('corrections'))")


def test_a_range_is_right_as_it_is_or_has_nothing_and_is_taken_back(correct):
    page, double = correct()
    page.locator(".us-cell[data-frame='1004']").click(modifiers=["Shift"])
    assert page.get_by_label("Frames", exact=True).input_value() == "1001-1004"
    page.get_by_role("button", name="Nothing here").click()
    assert waiting(page) == [["1001-1004", "nothing here"]]
    assert page.locator(".us-cell .us-pending").count() == 4
    page.get_by_role("button", name="Nothing here").click()
    assert waiting(page) == []
    field = page.get_by_label("Frames", exact=True)
    field.fill("1002-1003,1010")
    field.press("Enter")
    page.get_by_role("button", name="Nothing here").click()
    assert saved(page, double) == {"empty": "1002-1003,1010"}
    page.get_by_text("Saved. The run is being taught").wait_for()
    field.fill("2000-2010")
    field.press("Enter")
    page.get_by_role("alert").filter(has_text="The shot has no frames 2000-2010").wait_for()


def test_after_saving_the_strokes_stay_in_sight_until_the_run_has_learned_and_then_its_result_shows(correct):
    page, double = correct()
    page.keyboard.press("a")
    drag(page, (60, 64), (64, 64))
    saved(page, double)
    page.get_by_text("Saved. The run is being taught").wait_for()
    assert colour(page, 75, 64) == [255, 255, 255] and colour(page, 88, 64) == [0, 0, 0]
    page.keyboard.press("ArrowRight")
    shown(page, 1002)
    drag(page, (20, 20), (30, 20))  # the next frame is painted while the run learns
    double.checkpoint, double.learned = 480, 480
    shown(page, 1002, 480)
    assert colour(page, 93, 64) == [255, 255, 255] and colour(page, 25, 20) == [255, 255, 255]
    page.keyboard.press("ArrowLeft")
    shown(page, 1001, 480)
    assert colour(page, 88, 64) == [255, 255, 255]
    page.get_by_text("up to step 480").wait_for()
    assert waiting(page) == [["1002", "1 stroke"]]


def test_corrections_are_listed_and_undone(correct):
    page, double = correct()
    drag(page, (75, 50), (75, 80))
    saved(page, double)
    page.locator(".us-cell.corrected[data-frame='1001']").wait_for()
    page.get_by_role("button", name="Undo correction 0001").click()
    page.locator("li.undone", has_text="Strokes").wait_for()
    assert double.undone == ["0001"]


def test_a_refusal_is_said_in_words_and_the_strokes_stay(correct):
    page, double = correct()
    double.refusal = "These strokes cover the whole frame."
    drag(page, (75, 50), (75, 80))
    page.get_by_role("button", name="Save and teach").click()
    page.get_by_role("alert").filter(has_text="These strokes cover the whole frame.").wait_for()
    assert waiting(page) == [["1001", "1 stroke"]]
    page.complaints = [text for text in page.complaints if "422" not in text]


def test_strokes_that_the_run_could_not_be_taught_come_back(correct):
    page, double = correct()
    drag(page, (75, 50), (75, 80))
    saved(page, double)
    until(lambda: waiting(page) == [])
    double.job_state = "failed"
    page.get_by_role("alert").filter(has_text="The disk is full.").wait_for()
    assert waiting(page) == [["1001", "1 stroke"]]


def test_what_the_job_warns_of_is_said_and_its_last_words_stay(correct):
    page, double = correct()
    drag(page, (75, 50), (75, 80))
    double.job_warnings = ["The masks are 8 bits."]
    saved(page, double)
    page.locator(".us-side .warn", has_text="The masks are 8 bits.").wait_for()
    assert page.get_by_role("alert").count() == 0
    double.job_state, double.job_message = "finished", "98.2% of the corrected place is right now."
    page.get_by_text("98.2% of the corrected place is right now.").wait_for()
    assert page.get_by_text("Saved. The run is being taught").count() == 0
    assert page.locator(".us-side .warn").count() == 1 and waiting(page) == []


def test_several_shots_of_a_run_are_chosen_and_corrected_each_by_itself(correct):
    page, double = correct()
    assert page.get_by_label("Shot", exact=True).count() == 0
    double.shots = ["/shots/010/plate.####.png", "/shots/020/plate.####.png"]
    page.reload()
    page.wait_for_selector('.ag-row[row-id="sky"]')
    enter(page)
    choice = page.get_by_label("Shot", exact=True)
    assert choice.locator("option").all_inner_texts() == ["010/plate.####.png", "020/plate.####.png"]
    drag(page, (75, 50), (75, 80))
    choice.select_option(label="020/plate.####.png")
    until(lambda: page.locator(".us-cell").count() == 6)
    shown(page, 1001)
    assert waiting(page) == []
    page.get_by_role("button", name="Right as it is").click()
    assert saved(page, double) == {"accept": "1001", "shot": 1}
    page.locator("li", has_text="020/plate").wait_for()
    choice.select_option(label="010/plate.####.png")
    until(lambda: page.locator(".us-cell").count() == 12)
    shown(page, 1001)
    assert waiting(page) == [["1001", "1 stroke"]]
    page.get_by_role("button", name="1002", exact=True).click()  # a correction of the other shot
    until(lambda: page.locator(".us-cell").count() == 6 and frame(page) == 1002)


def test_keys_of_the_tab_do_not_reach_what_one_types_nor_the_other_tab(correct):
    page, _ = correct()
    page.get_by_label("Frames", exact=True).focus()
    page.keyboard.press("ArrowRight")
    assert frame(page) == 1001
    page.get_by_role("tab", name="Runs").click()
    page.locator(".us-correct").wait_for(state="detached")
    log = page.locator(".us-graph").get_attribute("data-log")
    page.keyboard.press("l")
    wait_for(page, f"document.querySelector('.us-graph').dataset.log !== {json.dumps(log)}")


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (1024, 700)])
def test_every_control_has_a_name_and_help_and_all_fits_a_laptop(correct, width, height):
    page, _ = correct(width=width, height=height)
    nameless = page.locator(".us-correct button, .us-correct input, .us-correct select").evaluate_all(
        """all => all.filter((e) => !(e.getAttribute("aria-label") || e.innerText.trim() || e.labels?.length)
          || !(e.title || e.closest("[title]"))).map((e) => e.outerHTML)"""
    )
    assert nameless == []
    over = page.evaluate(
        """[...document.querySelectorAll(".us-correct button, .us-correct input, .us-strip, .us-side")]
          .filter((e) => !e.closest(".us-cells")).filter((e) => {
            const box = e.getBoundingClientRect();
            return box.right > innerWidth + 1 || box.bottom > innerHeight + 1 || box.width === 0;
          }).map((e) => e.outerHTML.slice(0, 100))"""
    )
    assert over == []
    assert page.locator(".us-easel").bounding_box()["height"] > height * 0.6
