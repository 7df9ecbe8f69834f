"""The ML-Server endpoint of a real server: what the original does wrong, and what the compiled plug-in relies
on.
"""

from __future__ import annotations

import socket
import struct
import threading
import time

import numpy as np
import pytest

from understudy.models.zoo import zoo_networks

INFO = b"000000000006" + bytes.fromhex("080112020801")

# ---------------------------------------------------------------- what the original server does wrong


@pytest.mark.parametrize(
    "header",
    [b"abcdefghijkl", b"0x0000000006", b"\0" * 12, b"+00000000006", b"0_6000000000", b"          -1"],
)
def test_a_header_that_is_no_length_gets_an_error_message(builtin, header):
    assert "twelve digits" in builtin.send_raw(header, b"\x08\x01\x12\x02\x08\x01").error


def test_a_short_header_gets_an_error_message_when_the_client_ends(builtin):
    assert "ended early" in builtin.send_raw(b"0000", end=True).error


def test_a_short_header_gets_an_error_message_when_nothing_follows(builtin):
    assert "in time" in builtin.send_raw(b"0000").error


def test_blanks_before_the_digits_are_taken(builtin):
    assert builtin.send_raw(b"           6" + INFO[12:]).message.r1.num_models == len(BUILT_IN)


def test_a_request_arriving_byte_by_byte_is_answered(builtin):
    pieces = [INFO[at : at + 1] for at in range(len(INFO))]
    assert builtin.send_raw(*pieces, pause=0.005).message.r1.num_models == len(BUILT_IN)


@pytest.mark.parametrize("claim", [b"010000000000", b"999999999999"])
def test_a_claim_of_gigabytes_is_refused_without_taking_memory(builtin, claim):
    before = builtin.memory()
    assert "takes up to" in builtin.send_raw(claim + b"x" * 1000).error
    assert builtin.memory() < before + 20_000_000


def test_a_claim_within_the_limit_takes_memory_only_as_it_arrives(builtin):
    before = builtin.memory()
    with builtin.connect() as silent:
        silent.sendall(b"000060000000" + b"\x08\x01" * 4096)
        time.sleep(0.4)
        assert builtin.memory() < before + 30_000_000


TRAINED = [each.name for each in zoo_networks() if each.header.kind != "motion" and each.header.scale == 1]
BUILT_IN = ["blur", "motion_vectors", *TRAINED]
"""What is served without a folder: networks that come trained, too, but those that enlarge."""


@pytest.fixture(scope="module")
def patient(serve_long):
    """A server that lets a silent client be for a minute: what takes less has not waited for one."""
    return serve_long("--patience", "60s")


def test_a_silent_client_keeps_nobody_waiting(patient):
    with patient.connect(), patient.connect() as half:
        half.sendall(b"0000000")
        started = time.monotonic()
        assert patient.models()
        assert time.monotonic() - started < 20


def test_a_hundred_silent_clients_keep_nobody_waiting(patient):
    silent = [patient.connect() for _ in range(100)]
    started = time.monotonic()
    assert patient.models()
    assert time.monotonic() - started < 20
    for each in silent:
        each.close()


@pytest.mark.parametrize(
    "name", ["nothing", "../blur", "blur/../../etc", "", "\0", "a" * 5000, "/etc/passwd"]
)
def test_an_unknown_model_gets_an_error_that_names_the_models(builtin, picture, name):
    error = builtin.infer(name, picture).error
    assert "Models here: blur, motion_vectors" in error
    assert len(error) < 400


def test_bytes_that_do_not_fit_the_size_get_an_error_message(builtin, pb, make_request, picture):
    for change in (
        {"width": 18},
        {"height": -12},
        {"channels": 4},
        {"width": 2**31 - 1, "height": 2**31 - 1},
        {"width": 0},
    ):
        request = make_request("blur", picture)
        for name, value in change.items():
            setattr(request.r2.images[0], name, value)
        assert "bytes" in builtin.ask(request).error


def test_an_image_without_bytes_or_size_gets_an_error_message(builtin, make_request):
    request = make_request("blur")
    request.r2.images.add()
    assert "bytes" in builtin.ask(request).error


def test_an_option_without_a_value_gets_an_error_message(builtin, make_request, picture):
    request = make_request("blur", picture)
    request.r2.model.int_options.add(name="kernel_size")
    assert "without a value" in builtin.ask(request).error


def test_a_body_of_garbage_gets_an_error_message(builtin):
    assert "not a message" in builtin.send_raw(b"000000001000" + b"\xff" * 1000).error


def test_a_short_body_gets_an_error_message(builtin, frame, make_request, picture):
    raw = frame(make_request("blur", picture))
    assert "ended early" in builtin.send_raw(raw[:-10], end=True).error
    assert "in time" in builtin.send_raw(raw[:-10]).error


def test_a_request_for_nothing_gets_an_error_message(builtin, pb):
    assert "neither" in builtin.send_raw(b"000000000000").error
    assert "neither" in builtin.ask(pb.RequestWrapper(info=True)).error


def test_undeclared_options_are_refused_and_the_model_lives_on(builtin, picture):
    for name in ("picture", "run", "card", "__class__", "inference"):
        assert f'no option "{name}"' in builtin.infer("blur", picture, **{name: 7}).error
    assert builtin.infer("blur", picture).picture().shape == picture.shape


@pytest.mark.parametrize("value", ["5", True, 5.5])
def test_an_option_of_the_wrong_type_is_refused(builtin, picture, value):
    assert "of type int" in builtin.infer("blur", picture, kernel_size=value).error


def test_options_belong_to_one_request(builtin, picture):
    first = builtin.infer("blur", picture).picture()
    other = builtin.infer("blur", picture, kernel_size=11).picture()
    assert not np.allclose(first, other)
    assert np.array_equal(builtin.infer("blur", picture).picture(), first)
    blur = next(model for model in builtin.models() if model.name == "blur")
    assert blur.int_options[0].values == [5]


def test_the_number_of_images_and_their_channels_are_checked(builtin, picture):
    assert "wants 2 images (current, next); 1 came" in builtin.infer("motion_vectors", picture).error
    assert "wants 1 image (input); 2 came" in builtin.infer("blur", picture, picture).error
    assert "wants 1 image" in builtin.infer("blur").error


def test_the_blur_keeps_values_above_one_and_below_nought(builtin):
    pixels = np.full((9, 9, 3), 47.0, np.float32)
    pixels[:, :, 1] = -3.0
    result = builtin.infer("blur", pixels, kernel_size=5).picture()
    assert np.allclose(result, pixels, rtol=1e-5)


# ---------------------------------------------------------------- what the compiled plug-in relies on


def test_the_list_fits_into_one_network_segment_and_counts_its_models(builtin):
    models = builtin.models()
    assert [model.name for model in models] == BUILT_IN
    assert [model.label for model in models][:2] == ["Gaussian Blur", "Motion Vectors"]
    assert [(port.name, port.channels) for port in models[1].inputs] == [("current", 3), ("next", 3)]


def test_labels_and_options_can_be_saved_in_a_script_and_become_knobs(builtin):
    for model in builtin.models():
        assert not set(model.label) & set(":;") and model.label[0] != "{"
        options = [*model.bool_options, *model.int_options, *model.float_options, *model.string_options]
        names = [option.name for option in options]
        assert all(name.isidentifier() for name in names)
        assert len(set(names)) == len(names)
        assert all(len(option.values) == 1 for option in options)


def test_an_info_request_wins_over_an_inference(builtin, make_request, picture):
    request = make_request("blur", picture)
    request.r1.info = True
    assert builtin.ask(request).message.r1.num_models == len(BUILT_IN)


def test_rows_come_and_go_bottom_first_and_planes_apart(builtin, picture):
    result = builtin.infer("blur", picture, kernel_size=1).picture()
    assert np.array_equal(result, picture)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 3), (37, 1, 3), (3, 5, 1), (8, 8, 4), (700, 900, 3)])
def test_a_picture_of_any_size_comes_back_in_its_size(builtin, shape):
    pixels = np.random.default_rng(0).random(shape, np.float32)
    message = builtin.infer("blur", pixels, kernel_size=1).message
    image = message.r2.images[0]
    assert message.r2.num_images == 1
    assert (image.height, image.width) == shape[:2]
    assert len(image.image) == image.width * image.height * image.channels * 4
    planes = np.frombuffer(image.image, "<f4").reshape(image.channels, *shape[:2])[:, ::-1]
    wanted = pixels if shape[2] > 1 else np.repeat(pixels, 3, axis=2)
    assert np.array_equal(planes.transpose(1, 2, 0), wanted)


def test_the_server_closes_after_the_answer_also_when_the_client_does_not(patient):
    with patient.connect() as connection:
        connection.sendall(INFO)
        assert connection.recv(12)
        started = time.monotonic()
        while connection.recv(65536):
            pass
        assert time.monotonic() - started < 20


def test_header_and_message_of_a_list_leave_in_one_piece(builtin):
    with builtin.connect() as connection:
        connection.sendall(INFO)
        time.sleep(0.1)
        whole = connection.recv(65536)
    assert int(whole[:12]) == len(whole) - 12


def test_knobs_that_the_node_did_not_find_are_borne(builtin, picture):
    """The plug-in sends 0 for them; wild values are brought into the range."""
    one = builtin.infer("blur", picture, kernel_size=1).picture()
    assert np.array_equal(builtin.infer("blur", picture, kernel_size=0, sigma=0.0).picture(), one)
    assert builtin.infer("blur", picture, kernel_size=-(2**31)).picture().shape == picture.shape
    assert builtin.infer("blur", picture, sigma=float("nan")).picture().shape == picture.shape


def test_nan_and_inf_do_no_harm(builtin):
    wild = np.full((20, 20, 3), np.nan, np.float32)
    wild[::2] = np.inf
    wild[:, ::3] = -np.inf
    assert builtin.infer("blur", wild).picture().shape == wild.shape
    assert builtin.infer("motion_vectors", wild, wild).picture().shape == wild.shape


def test_a_refused_upload_still_sees_its_message(builtin):
    """Answering and closing at once would lose it: the rest is read away."""
    claim = 80_000_000
    upload = b"%012d" % claim + bytes(claim)
    with builtin.connect() as connection:
        sent = threading.Thread(target=lambda: connection.sendall(upload))
        sent.start()
        header = connection.recv(12)
        body = connection.recv(65536)
        sent.join()
    assert b"takes up to" in body and int(header) == len(body)


def test_a_client_that_half_closes_after_its_request_is_answered(builtin, frame, make_request, picture):
    assert builtin.send_raw(frame(make_request("blur", picture)), end=True).picture().shape == picture.shape


def test_an_answer_that_is_not_taken_ends_in_a_reset_not_in_a_short_picture(builtin, frame, make_request):
    pixels = np.zeros((1200, 1600, 3), np.float32)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.bind(("127.0.0.33", 0))
        slow.connect(("127.0.0.1", builtin.port))
        slow.sendall(frame(make_request("blur", pixels)))
        assert builtin.wait_for("a client went away", client="127.0.0.33")
        with pytest.raises(ConnectionResetError):
            while slow.recv(1 << 20):
                pass


def test_a_client_that_breaks_off_does_no_harm(builtin, frame, make_request, picture):
    raw = frame(make_request("blur", picture))
    for _ in range(20):
        connection = builtin.connect()
        connection.sendall(raw[: len(raw) // 2])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    assert builtin.infer("blur", picture).picture().shape == picture.shape


def test_errors_carry_neither_paths_nor_traces(builtin, picture):
    for answer in (
        builtin.send_raw(b"0" * 40),
        builtin.infer("x", picture),
        builtin.infer("blur", picture, a=1),
    ):
        assert "/" not in answer.error and "Traceback" not in answer.error


# ---------------------------------------------------------------- the built-in motion vectors


def moved(dx, dy):
    """A smooth random frame, and the same moved right by dx and down by dy pixels."""
    import cv2

    rng = np.random.default_rng(3)
    wide = cv2.GaussianBlur(rng.random((160, 200, 3), np.float32), (9, 9), 2.0) * 4
    return wide[20:140, 20:180], wide[20 - dy : 140 - dy, 20 - dx : 180 - dx]


@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (0, 2), (-4, -3)])
def test_motion_vectors_are_pixels_right_and_up(builtin, dx, dy):
    flow = builtin.infer("motion_vectors", *moved(dx, dy), quality=2).picture()[20:-20, 20:-20]
    assert abs(np.median(flow[..., 0]) - dx) < 0.3
    assert abs(np.median(flow[..., 1]) + dy) < 0.3
    assert not flow[..., 2].any()


def test_motion_vectors_refuse_frames_of_two_sizes(builtin, picture):
    assert "same size" in builtin.infer("motion_vectors", picture, picture[:-1]).error
