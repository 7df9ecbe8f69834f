"""understudy.client: one file for any Python, asked against a real server."""

from __future__ import annotations

import array
import ast
import sys
from pathlib import Path

import numpy as np
import pytest

import understudy.client as module
from understudy.client import Client, ServerError

FILE = Path(module.__file__)


@pytest.fixture(scope="module")
def client(builtin):
    return Client(builtin.url)


def test_the_file_is_python_37_and_needs_the_standard_library_only():
    tree = ast.parse(FILE.read_text(), feature_version=(3, 7))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= set(sys.stdlib_module_names)
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.NamedExpr | ast.Match)]


def test_the_file_works_when_dropped_somewhere_else(tmp_path, builtin):
    import subprocess

    (tmp_path / "dropped.py").write_text(FILE.read_text())
    code = f"import dropped; print([m['name'] for m in dropped.list_models('{builtin.url}')])"
    made = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, '.'); {code}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "'blur'" in made.stdout, made.stderr


def test_all_kinds_of_images_give_the_same_answer(client, picture):
    wanted = np.asarray(client.infer("blur", [picture])[0])
    assert wanted.shape == picture.shape
    flat = array.array("f", picture.ravel().tolist())
    for image in (
        picture[:, ::-1][:, ::-1],
        picture.astype(np.float64),
        (picture.tobytes(), picture.shape),
        (flat, picture.shape),
        memoryview(picture),
        np.asfortranarray(picture),
    ):
        assert np.array_equal(np.asarray(client.infer("blur", [image])[0]), wanted)


def test_half_eight_bits_and_one_channel(client):
    half = np.random.default_rng(0).random((9, 7, 3)).astype(np.float16)
    assert np.array_equal(np.asarray(client.infer("blur", [half], kernel_size=1)[0]), half.astype(np.float32))
    codes = np.arange(63, dtype=np.uint8).reshape(9, 7)
    result = np.asarray(client.infer("blur", [codes], kernel_size=1)[0])
    assert np.allclose(result[..., 0] * 255, codes, atol=1e-4)
    assert result.shape == (9, 7, 1)


def test_a_result_can_be_read_without_numpy_and_sent_again(client, picture):
    result = client.infer("Gaussian Blur", [picture], kernel_size=1)[0]
    assert result.shape == picture.shape
    assert result.pixel(3, 2) == tuple(picture[2, 3].tolist())
    assert memoryview(result.memory).shape == picture.shape
    assert np.array_equal(np.asarray(client.infer("blur", [result], kernel_size=1)[0]), picture)


def test_what_goes_wrong_is_said(client, picture):
    for wrong, said in (
        (lambda: client.infer("nothing", [picture]), "nothing"),
        (lambda: client.infer("blur", [picture, picture]), "wants 1 image"),
        (lambda: client.infer("blur", [picture], kernel_size=-1), "between"),
        (lambda: Client("http://127.0.0.1:9").list_models(), "no answer"),
    ):
        with pytest.raises(ServerError, match=said):
            wrong()
    with pytest.raises(ValueError):
        client.infer("blur", [b"1234"])
    with pytest.raises(TypeError):
        client.infer("blur", [picture.astype(np.int64)])
    with pytest.raises(ValueError):
        Client("ftp://somewhere")


def test_the_functions_take_the_address(builtin, picture):
    assert module.list_models(builtin.url)
    assert module.infer("blur", [picture], url=builtin.url)[0].shape == picture.shape
