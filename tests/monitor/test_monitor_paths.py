"""Only what lies under the data directory and the footage folders is read or offered."""

from __future__ import annotations

import os

import pytest

from understudy.errors import SettingError
from understudy.monitor.paths.allowed import AllowedFolders, PathNotAllowed
from understudy.monitor.paths.completion import complete
from understudy.monitor.paths.run_files import NotFound, find_run, own_file

OUTSIDE = [
    "/etc/passwd",
    "/",
    "..",
    "../secret.txt",
    "runs/../../x",
    "~root/.ssh/id_rsa",
    "\0",
    "a\0b",
    "",
    "x" * 5000,
]


@pytest.fixture
def allowed(data, tmp_path):
    (tmp_path / "footage").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    return AllowedFolders.of([data, tmp_path / "footage"])


@pytest.mark.parametrize("text", OUTSIDE, ids=lambda text: repr(text[:20]))
def test_paths_that_lead_out_are_refused(allowed, text):
    with pytest.raises(PathNotAllowed):
        allowed.path(text)
    with pytest.raises(PathNotAllowed):
        allowed.spec(text)


def test_a_link_that_points_out_is_refused_and_not_offered(allowed, tmp_path):
    (tmp_path / "footage" / "way_out").symlink_to(tmp_path)
    (tmp_path / "footage" / "passwords.png").symlink_to("/etc/passwd")
    with pytest.raises(PathNotAllowed):
        allowed.path(tmp_path / "footage" / "way_out" / "secret.txt")
    with pytest.raises(PathNotAllowed):
        allowed.spec(str(tmp_path / "footage" / "way_out" / "p.####.exr"))
    assert complete(allowed, str(tmp_path / "footage") + os.sep) == []


def test_one_frame_that_is_a_link_out_of_the_folders_refuses_the_shot(allowed, tmp_path, make_shot):
    shot = make_shot(name="footage/shot")
    assert allowed.shot(shot.plate).numbers == shot.numbers
    outside = tmp_path / "outside.png"
    shot.plate_file(1003).rename(outside)
    shot.plate_file(1003).symlink_to(outside)
    with pytest.raises(PathNotAllowed):
        allowed.shot(shot.plate)


@pytest.fixture
def published(tmp_path, make_shot):
    """A published shot: links in the footage folder to the frames of a store, one by one and as a whole."""
    shot = make_shot(name="store/shot")
    footage = tmp_path / "footage"
    (footage / "links").mkdir(parents=True)
    for number in shot.numbers:
        (footage / "links" / f"plate.{number}.png").symlink_to(shot.plate_file(number))
    (footage / "v001").symlink_to(shot.folder / "plate")
    return footage


SPECS = ["links/plate.####.png", "links", "links/plate.1001.png", "v001/plate.####.png", "v001"]


@pytest.mark.parametrize("spec", SPECS)
def test_a_published_shot_is_refused_unless_links_are_followed(allowed, published, data, spec):
    text = str(published / spec)
    with pytest.raises(PathNotAllowed, match="link"):
        allowed.spec(text)
    following = AllowedFolders.of([data, published], follow_links=True)
    assert following.spec(text) == text
    assert following.shot(text).read(1001).channels


def test_links_that_are_followed_are_completed(allowed, published, data):
    text = str(published) + os.sep
    assert [each.label for each in complete(allowed, text)] == ["links"]
    following = AllowedFolders.of([data, published], follow_links=True)
    assert [each.label for each in complete(following, text)] == ["links", "v001"]
    for folder in ("links", "v001"):
        (shot,) = complete(following, f"{text}{folder}{os.sep}")
        assert (shot.text, shot.note) == (f"{text}{folder}{os.sep}plate.####.png", "1001-1005, 5 frames")


@pytest.mark.parametrize(
    "text", ["v001/../../secret.txt", "../secret.txt", "/etc/passwd", "links/../../secret.txt"]
)
def test_following_links_does_not_open_what_lies_outside_by_name(published, data, tmp_path, text):
    (tmp_path / "secret.txt").write_text("secret")
    following = AllowedFolders.of([data, published], follow_links=True)
    with pytest.raises(PathNotAllowed):
        following.spec(os.path.join(published, text))


def test_two_dots_behind_a_link_mean_the_folder_of_the_link(published, data):
    following = AllowedFolders.of([data, published], follow_links=True)
    assert following.path(f"{published}/v001/../links") == published / "links"


def test_a_footage_folder_that_is_a_link_itself_is_known_by_both_names(tmp_path, make_shot, data):
    shot = make_shot(name="store/shot")
    (tmp_path / "show").symlink_to(shot.folder)
    allowed = AllowedFolders.of([data, tmp_path / "show"])
    for folder in (tmp_path / "show", shot.folder):
        assert allowed.spec(f"{folder}/plate/plate.####.png") == shot.plate


def test_a_relative_path_means_one_inside(allowed, tmp_path):
    (tmp_path / "footage" / "a").mkdir()
    assert allowed.path("a") == (tmp_path / "footage" / "a").resolve()


def test_a_mask_may_be_a_channel_but_not_a_file_outside(allowed):
    assert allowed.mask("channel:A") == "channel:A"
    with pytest.raises(PathNotAllowed):
        allowed.mask("/etc/passwd")


def test_allowed_folders_must_be_there(tmp_path):
    with pytest.raises(SettingError):
        AllowedFolders.of([tmp_path / "nowhere"])


@pytest.mark.parametrize("name", ["..", ".", "", "../runs", "a/b", ".hidden", "a\0", "x" * 300, "nothing"])
def test_names_that_are_no_plain_folder_are_no_runs(data, name):
    with pytest.raises(NotFound):
        find_run(data, name)


def test_a_run_that_is_a_link_is_no_run(data, make_run, tmp_path):
    make_run("real")
    (data / "real").rename(tmp_path / "moved")
    (data / "real").symlink_to(tmp_path / "moved")
    with pytest.raises(NotFound):
        find_run(data, "real")


@pytest.mark.parametrize("name", ["../settings.toml", "notes.txt", "passwd", "", "/etc/passwd", ".tmp-1.png"])
def test_only_the_runs_own_files_are_its_files(make_run, name):
    run = make_run("one")
    (run.path / "notes.txt").write_text("mine")
    (run.path / "one_0000001.cat").symlink_to("/etc/passwd")
    (run.path / ".tmp-1.png").write_text("")
    for wanted in (name, "one_0000001.cat"):
        with pytest.raises(NotFound):
            own_file(run, wanted)
    assert own_file(run, "settings.toml") == run.settings_path


def test_completion_offers_roots_folders_and_sequences_with_their_frames(allowed, tmp_path, make_shot):
    make_shot(name="footage/sky")
    assert [completion.text for completion in complete(allowed, "")] == [
        f"{root}{os.sep}" for root in allowed.roots
    ]
    assert [completion.label for completion in complete(allowed, str(tmp_path / "footage" / "s"))] == ["sky"]
    (completion,) = complete(allowed, str(tmp_path / "footage" / "sky" / "plate") + os.sep)
    assert (completion.label, completion.kind, completion.note) == (
        "plate.####.png",
        "sequence",
        "1001-1005, 5 frames",
    )
    assert allowed.shot(completion.text).numbers == (1001, 1002, 1003, 1004, 1005)


def test_completion_leads_to_the_roots_but_shows_nothing_else_on_the_way(allowed, tmp_path):
    completions = complete(allowed, str(tmp_path / "foot"))
    assert [completion.label for completion in completions] == ["footage"]
    with pytest.raises(PathNotAllowed):
        complete(allowed, "/etc/")


def test_names_of_networks_that_come_trained_are_offered_with_what_they_are_for(allowed, zoo):
    zoo("denoise")
    zoo("keying", kind=["network"])
    zoo("upscale", kind=["network"])
    zoo("upscale-start", kind=["start"])
    offered = complete(allowed, "", "weights")
    assert [each.text for each in offered[:2]] == ["denoise", "upscale"] and offered[2].kind == "folder"
    assert (offered[0].kind, offered[0].note) == ("network", "Does denoise to a frame.")
    assert offered[1].note == "Does upscale-start to a frame."
    assert [each.text for each in complete(allowed, "", "model")[:3]] == ["denoise", "keying", "upscale"]
    assert [each.text for each in complete(allowed, "key", "model")] == ["keying"]
    assert complete(allowed, "key", "weights") == [] == complete(allowed, "key", "shot")


def test_a_name_is_a_model_unless_a_file_in_the_folders_has_it(allowed, zoo, tmp_path, data):
    zoo("denoise")
    assert allowed.model("denoise") == "denoise" == allowed.model("denoise", start=True)
    assert allowed.model("runs/denoise") == str(tmp_path / "footage" / "runs" / "denoise")
    assert allowed.model("nothing") == str(tmp_path / "footage" / "nothing")
    for text in OUTSIDE:
        with pytest.raises(PathNotAllowed):
            allowed.model(text)
    (data / "denoise.cat").write_bytes(b"mine")
    assert allowed.model("denoise") == str(data / "denoise.cat")
