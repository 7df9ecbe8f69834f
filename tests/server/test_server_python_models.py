"""Python models written for the original server, unchanged, in a process that can hurt only itself."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from understudy.server.models.served import Call

ORIGINAL = """
import os
import numpy as np
from ..baseModel import BaseModel
from ..common.util import linear_to_srgb, srgb_to_linear
import message_pb2


class Model(BaseModel):
    def __init__(self):
        super(Model, self).__init__()
        self.name = 'Gain TF'
        self.gain = 2.0
        self.passes = 1
        self.invert = False
        self.word = 'lift'
        self.reset = False
        self.host = 'a name that is taken'
        self.giant = 1e300
        self.options = ('gain', 'passes', 'invert', 'word', 'host', 'giant')
        self.buttons = ('reset',)
        self.inputs = {'plate': 3}
        self.outputs = {'result': 3}
        with open('models/gain/weights.txt') as file:
            self.lift = float(file.read())

    def inference(self, image_list):
        image = image_list[0]
        assert image.dtype == np.float32 and image.shape[2] == 3 and image.flags.writeable
        if self.reset:
            script = message_pb2.FieldValuePairAttrib()
            script.name = 'PythonScript'
            value = script.values.add().string_attributes.add()
            value.values.append("nuke.message('reset %s')" % self.gain)
            return [script]
        image = srgb_to_linear(linear_to_srgb(image))
        for _ in range(self.passes):
            image = image * self.gain
        if self.invert:
            image = 1 - image
        return [image + self.lift]
"""

HARMFUL = """
import os, time
import numpy as np
from ..baseModel import BaseModel


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.name = 'Harmful'
        self.way = 'fine'
        self.inference_count = 0
        self.options = ('way',)

    def inference(self, image_list):
        self.inference_count += 1
        way, image = self.way, image_list[0]
        if way == 'exit':
            os._exit(3)
        if way == 'segfault':
            import ctypes
            ctypes.string_at(0)
        if way == 'hang':
            time.sleep(1000)
        if way == 'nap':
            time.sleep(0.3)
        if way == 'leak':
            self.kept = []
            while True:
                self.kept.append(np.ones(10_000_000, np.float32))
        if way == 'map':
            import mmap
            self.kept = []
            while True:
                shared = mmap.mmap(-1, 50_000_000)
                shared.write(b'x' * 50_000_000)
                self.kept.append(shared)
        if way == 'raise':
            raise ValueError('boom /home/artist/secret/path.ckpt')
        if way == 'exception of its own':
            raise type('Oops', (BaseException,), {})('no')
        if way == 'rubbish':
            os.write(int(os.environ.get('NOTHING', 3)), b'x')
            return 'rubbish'
        if way == 'nothing':
            return []
        if way == 'two dimensions':
            return image[..., 0]
        if way == 'doubles':
            return [image.astype(np.float64)]
        if way == 'one dimension':
            return [image[0, :, 0]]
        if way == 'print':
            print('hello from the model')
        if way == 'count':
            return [image * 0 + self.inference_count]
        return [image]
"""


def write_model(models, name, text, side=""):
    folder = models / name
    folder.mkdir(parents=True)
    (folder / "model.py").write_text(text)
    if side:
        (folder / "model.toml").write_text(side)
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder as the original's: models/NAME/model.py."""
    folder = tmp_path_factory.mktemp("farm") / "models"
    write_model(folder, "gain", ORIGINAL)
    (folder / "gain" / "weights.txt").write_text("0.25")
    write_model(folder, "broken", "import nothing_of_that_name\n")
    write_model(folder, "harmful", HARMFUL, 'time_limit = 100.0\nmemory_limit = "500MB"\n')
    write_model(folder, "impatient", HARMFUL, "time_limit = 2.0\n")
    return folder


@pytest.fixture(scope="module")
def farm(serve_long, models):
    return serve_long(models)


def listed(server, name):
    return next((model for model in server.models() if model.name == name), None)


def test_a_model_of_the_original_shows_its_label_options_and_buttons(farm):
    model = listed(farm, "gain")
    assert model.label == "Gain TF"
    assert [(each.name, each.values[0]) for each in model.float_options] == [("gain", 2.0)]
    assert [(each.name, each.values[0]) for each in model.int_options] == [("passes", 1)]
    assert [(each.name, each.values[0]) for each in model.bool_options] == [("invert", False)]
    assert [(each.name, each.values[0]) for each in model.string_options] == [("word", "lift")]
    assert [each.name for each in model.button_options] == ["reset"]
    left_out = farm.wait_for("options that cannot become knobs are left out")["options"]
    assert left_out == ["host", "giant"]
    assert [(each.name, each.channels) for each in model.inputs] == [("plate", 3)]


def test_a_model_of_the_original_answers_with_its_options_and_its_file(farm, picture):
    result = farm.infer("gain", picture, gain=3.0, passes=2, invert=True).picture()
    wanted = 1 - picture * 9 + 0.25
    safe = picture > 0.01  # the helpers' curve is not held against an independent one here
    assert np.allclose(result[safe], wanted[safe], rtol=1e-4, atol=1e-4)
    assert np.allclose(farm.infer("gain", picture).picture()[safe], (picture * 2 + 0.25)[safe], atol=1e-4)


def test_a_pressed_button_returns_a_script_and_is_released(farm, make_request, picture):
    answer = farm.ask(make_request("gain", picture, buttons=("reset",), gain=7.0)).message
    assert (answer.r2.num_objects, answer.r2.num_images) == (1, 0)
    script = answer.r2.objects[0]
    assert script.name == "PythonScript"
    assert script.values[0].string_attributes[0].values[0] == "nuke.message('reset 7.0')"
    assert farm.infer("gain", picture).picture().shape == picture.shape


def test_a_broken_model_is_left_out_of_the_menu_and_the_others_are_served(farm, picture):
    assert listed(farm, "broken") is None
    assert "needs the package nothing_of_that_name" in farm.infer("broken", picture).error
    assert listed(farm, "gain") is not None


@pytest.mark.parametrize(
    ("model", "way", "said"),
    [
        ("harmful", "exit", "crashed"),
        ("harmful", "segfault", "crashed"),
        ("impatient", "hang", "longer than 2 s"),
        ("harmful", "leak", "memory"),
        ("harmful", "map", "memory"),
    ],
)
def test_a_model_that_harms_takes_down_itself_is_said_to_be_down_and_comes_back(
    farm, until, picture, model, way, said
):
    until(lambda: not farm.infer(model, picture).error)
    error = farm.infer(model, picture, way=way).error
    assert "Harmful" in error and said in error
    assert farm.infer("gain", picture).picture().shape == picture.shape
    until(lambda: not farm.infer(model, picture).error)
    assert farm.is_alive()


def test_a_request_that_notices_late_tells_the_first_reason_and_leaves_the_next_process_alone(
    models, until, picture
):
    from understudy.server.log import ServerLog
    from understudy.server.models.python_model import PythonModel

    model = PythonModel(models / "harmful", ServerLog(io.StringIO()))
    try:
        until(lambda: model.state == "ready")
        ended = model._process
        ended.end("it used too much memory")
        until(lambda: model.state == "ready" and model._process is not ended)
        assert "it used too much memory" in model._kill(ended, "it crashed").message
        assert model.state == "ready"
        model.run([Call([np.moveaxis(picture, -1, 0)], options={"way": "fine"})])
    finally:
        model.close()


def test_a_model_whose_memory_is_full_can_still_say_so():
    """The last byte within the limit may be gone: without a reserve the process would end without a word."""
    code = """
import numpy as np
from understudy.server.models import python_worker
python_worker.limit_memory(400 << 20)
kept = []
for size in (10_000_000, 100_000, 1000):
    try:
        while True:
            kept.append(np.ones(size, np.float32))
    except MemoryError as error:
        last = error
said = python_worker.trouble(last)
more = bytearray(16 << 20)
print(said["kind"], said["said"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.stdout.split() == ["memory", "MemoryError"], done.stderr[-500:]


def test_while_a_model_is_down_a_request_is_told_so_and_the_menu_still_has_it(farm, until, picture):
    until(lambda: not farm.infer("harmful", picture).error)
    farm.infer("harmful", picture, way="exit")
    assert "started again" in farm.infer("harmful", picture).error
    assert listed(farm, "harmful") is not None


def test_an_exception_is_told_by_its_type_and_its_text_stays_in_the_log(farm, until, picture):
    until(lambda: not farm.infer("harmful", picture).error)
    error = farm.infer("harmful", picture, way="raise").error
    assert error == 'The model "Harmful" failed on this request (ValueError).'
    assert any("secret" in line.get("trace", "") for line in farm.log)
    assert "Oops" in farm.infer("harmful", picture, way="exception of its own").error
    assert not farm.infer("harmful", picture).error


def test_what_a_model_returns_is_normalised_or_named(farm, until, picture):
    until(lambda: not farm.infer("harmful", picture).error)
    flat = farm.infer("harmful", picture, way="two dimensions").picture()
    assert np.array_equal(flat, np.repeat(picture[..., :1], 3, axis=2))
    assert np.array_equal(farm.infer("harmful", picture, way="doubles").picture(), picture)
    assert "TypeError" in farm.infer("harmful", picture, way="one dimension").error
    assert "made no picture" in farm.infer("harmful", picture, way="nothing").error


def test_a_model_that_writes_into_its_pipe_harms_only_itself(farm, until, picture):
    until(lambda: not farm.infer("harmful", picture).error)
    assert farm.infer("harmful", picture, way="rubbish").error
    until(lambda: not farm.infer("harmful", picture).error)


def test_what_a_model_prints_goes_to_the_log(farm, until, picture):
    until(lambda: not farm.infer("harmful", picture).error)
    farm.infer("harmful", picture, way="print")
    assert farm.wait_for("a model printed", line="hello from the model")


def test_a_model_keeps_what_it_learned_between_calls(farm, until, picture):
    until(lambda: not farm.infer("harmful", picture).error)
    first = farm.infer("harmful", picture, way="count").picture()[0, 0, 0]
    assert farm.infer("harmful", picture, way="count").picture()[0, 0, 0] == first + 1


def test_the_template_answers_within_seconds_and_follows_its_file(serve, until, picture, tmp_path):
    command = [sys.executable, "-m", "understudy", "serve", "--new-model", "my_look"]
    made = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    again = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=60)
    assert again.returncode == 2 and "already" in again.stderr
    server = serve(tmp_path / "models" / "my_look")
    assert np.allclose(
        server.infer("my_look", picture, amount=0.0, display_space=False).picture(), picture, atol=1e-5
    )
    file = tmp_path / "models" / "my_look" / "model.py"
    file.write_text(file.read_text().replace("return [image.astype(np.float32)]", "return [image * 0 + 5]"))
    until(
        lambda: (
            (answer := server.infer("my_look", picture))
            and not answer.error
            and answer.picture().max() == 5.0
        )
    )


def test_the_example_answers(serve, tmp_path):
    examples = Path(__file__).resolve().parents[2] / "examples"
    server = serve(examples / "python_model" / "models")
    pixels = np.zeros((40, 60, 3), np.float32)
    pixels[18:22, 28:32] = 8.0
    spill = server.infer("halation", pixels, only_spill=True, strength=1.0, size=6).picture()
    assert spill[20, 38, 0] > spill[20, 38, 2] > 0
    command = [sys.executable, examples / "python_model" / "ask.py", "halation", "strength=0.5"]
    env = {**os.environ, "UNDERSTUDY_SERVER": server.url}
    asked = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert "Image output 96x64x3" in asked.stdout, asked.stderr
    assert (tmp_path / "answer.pfm").stat().st_size > 96 * 64 * 12


def test_no_process_of_a_model_outlives_the_server(serve, until, models):
    server = serve(models / "gain")
    children = _children(server.process.pid)
    assert children
    server.process.kill()
    until(lambda: not any(_runs(child) for child in children))


def _children(pid):
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in found for child in file.read_text().split()]


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


NEEDS_SCIPY = (
    "import scipy_of_a_studio.misc\nfrom ..baseModel import BaseModel\nclass Model(BaseModel): pass\n"
)
HELPED = """
from ..baseModel import BaseModel
from ..common.util import linear_to_srgb, srgb_to_linear
class Model(BaseModel):
    def inference(self, image_list):
        return [srgb_to_linear(linear_to_srgb(image_list[0])) + 1]
"""


def test_where_the_studios_helper_lacks_a_package_ours_stands_in(serve, until, picture, tmp_path):
    """The helper of the original repository imports OpenEXR, which a model may not need."""
    models = tmp_path / "Models"
    write_model(models, "curve", HELPED)
    write_model(
        models, "checkpoints", HELPED.replace("import linear_to_srgb", "import read_exr, linear_to_srgb")
    )
    (models / "common").mkdir()
    (models / "common" / "util.py").write_text(
        "import re\nimport OpenEXR_of_a_studio, Imath\ndef read_exr(): pass\n"
    )
    (models / "baseModel.py").write_text("raise RuntimeError('the original one is not used')\n")
    server = serve(models)
    until(lambda: not server.infer("curve", np.abs(picture)).error)
    assert np.allclose(
        server.infer("curve", np.abs(picture)).picture(), np.abs(picture) + 1, rtol=1e-4, atol=1e-4
    )
    assert any("OpenEXR_of_a_studio" in line.get("line", "") for line in server.log), "the log says so"
    assert "needs the package OpenEXR_of_a_studio" in server.infer("checkpoints", picture).error


def test_a_helper_that_can_be_imported_goes_before_ours(serve, until, picture, tmp_path):
    models = tmp_path / "models"
    write_model(models, "curve", HELPED)
    (models / "common").mkdir()
    (models / "common" / "util.py").write_text(
        "def linear_to_srgb(x): return x * 0\nsrgb_to_linear = linear_to_srgb\n"
    )
    server = serve(models)
    until(lambda: not server.infer("curve", picture).error)
    assert np.array_equal(server.infer("curve", picture).picture(), np.ones_like(picture))


def test_a_model_that_cannot_be_imported_is_failed_and_tried_again_when_its_files_change(
    serve, until, picture, tmp_path
):
    models = tmp_path / "models"
    folder = write_model(models, "needy", NEEDS_SCIPY)
    write_model(models, "typo", "def nothing(:\n")
    server = serve(models)
    states = {each["name"]: (each["state"], each["trouble"]) for each in api(server)}
    assert states["needy"] == ("failed", "needs the package scipy_of_a_studio")
    assert states["typo"][0] == "failed" and "SyntaxError" in states["typo"][1]
    assert "needs the package scipy_of_a_studio" in server.infer("needy", picture).error
    time.sleep(3.0)
    starts = [line for line in server.log if line["event"] == "a Python model does not start"]
    assert len(starts) == 2, "one attempt for each"
    (folder / "scipy_free.py").write_text("GAIN = 2\n")  # a module beside it counts as well
    until(lambda: sum(line["event"] == "a Python model does not start" for line in list(server.log)) == 3)
    (folder / "model.py").write_text(HELPED)
    until(lambda: not server.infer("needy", picture).error)


def api(server):
    import json
    import urllib.request

    with urllib.request.urlopen(server.url + "/api/models") as answer:
        return json.load(answer)


STAND_IN_TENSORFLOW = '''
"""As much of TensorFlow's first interface as a stand-in for the original's training template asks for."""

import types

import numpy as np

float32 = np.float32


class Placeholder:
    def __init__(self, kind, shape):
        self.kind, self.shape = kind, shape


class Session:
    weight = None

    def __init__(self, config=None):
        self.config = config

    def run(self, operation, feed_dict):
        (given,) = feed_dict.values()
        (place,) = feed_dict
        assert given.dtype == place.kind and list(given.shape) == place.shape, "a graph of one size"
        assert operation is not None and Session.weight is not None
        return [given * 0, given * Session.weight]


class Saver:
    def restore(self, session, path):
        with open(path + ".index") as file:
            Session.weight = np.float32(file.read())


compat = types.SimpleNamespace(
    v1=types.SimpleNamespace(
        disable_eager_execution=lambda: None,
        reset_default_graph=lambda: None,
        ConfigProto=lambda: types.SimpleNamespace(gpu_options=types.SimpleNamespace(allow_growth=False)),
        Session=Session,
        placeholder=lambda kind, shape: Placeholder(kind, shape),
        train=types.SimpleNamespace(Saver=Saver),
    )
)
'''
TRAINED = """
from __future__ import print_function

import os
import cv2
import numpy as np
import tensorflow as tf

tf.compat.v1.disable_eager_execution()

from ..baseModel import BaseModel
from ..common.network import Network
from ..common.util import print_, get_ckpt_list, linear_to_srgb, srgb_to_linear


class Model(BaseModel):
    def __init__(self):
        super(Model, self).__init__()
        self.name = 'Trained TF'
        self.folder = os.path.join(os.path.dirname(os.path.realpath(__file__)), 'checkpoints')
        names = get_ckpt_list(self.folder)
        steps = [int(name.split('-')[-1]) for name in names]
        self.checkpoint_name = names[steps.index(max(steps))] if names else ''
        self.loaded = self.checkpoint_name
        self.options = ('checkpoint_name',)
        self.inputs = {'input': 3}
        self.outputs = {'output': 3}

    def load(self):
        if self.checkpoint_name == '':
            raise ValueError('no checkpoint in {}'.format(self.folder))
        print_('Loading the checkpoint...\\n', 'm')
        self.saver.restore(self.session, os.path.join(self.folder, self.checkpoint_name))
        self.loaded = self.checkpoint_name

    def inference(self, image_list):
        image = linear_to_srgb(image_list[0]).copy()
        rows, columns, channels = image.shape
        image = np.pad(image, ((0, -rows % 16), (0, -columns % 16), (0, 0)), 'reflect')
        if not hasattr(self, 'session'):
            tf.compat.v1.reset_default_graph()
            config = tf.compat.v1.ConfigProto()
            config.gpu_options.allow_growth = True
            self.session = tf.compat.v1.Session(config=config)
            self.network = Network(3, 0.5, channels)
            self.saver = tf.compat.v1.train.Saver()
            self.size = None
            self.load()
        if self.size != image.shape:
            self.input = tf.compat.v1.placeholder(tf.float32, shape=[1] + list(image.shape))
            self.operation, self.size = self.network(self.input, reuse=False), image.shape
        if self.loaded != self.checkpoint_name:
            self.load()
        made = self.session.run(self.operation, feed_dict={self.input: np.expand_dims(image, 0)})
        print('Inference done')
        return [srgb_to_linear(made[-1][0, :rows, :columns, :])]
"""
NETWORK = """
import tensorflow as tf


class Network(object):
    def __init__(self, levels, scale, channels):
        self.levels, self.scale, self.channels = levels, scale, channels

    def __call__(self, given, reuse=False):
        return 'an operation on {}'.format(given.shape)
"""
CHECKPOINT = ("index", "data-00000-of-00001", "meta")


def trained_template(folder):
    """A folder in the form of the original's training template, after training: code of its own that needs
    TensorFlow, a shared network, and checkpoints as its training script leaves them."""
    models = folder / "models"
    write_model(models, "trained", TRAINED)
    (models / "trained" / "train_model.py").write_text("raise SystemExit('it is run by hand')\n")
    (models / "common").mkdir()
    (models / "common" / "network.py").write_text(NETWORK)
    (models / "common" / "util.py").write_text("import OpenEXR_of_a_studio, Imath\nimport tensorflow as tf\n")
    checkpoints = models / "trained" / "checkpoints"
    checkpoints.mkdir()
    for step, weight in ((900, "0.25"), (1000, "0.5")):
        for ending in CHECKPOINT:
            (checkpoints / f"model-{step}.{ending}").write_text(weight)
    (checkpoints / "checkpoint").write_text('model_checkpoint_path: "model-1000"\n')
    return models


def test_a_model_in_the_form_of_the_originals_training_template_serves_what_it_was_trained_to(
    serve, until, picture, tmp_path
):
    models = trained_template(tmp_path)
    (tmp_path / "tensorflow.py").write_text(STAND_IN_TENSORFLOW)
    server = serve(models, env={"PYTHONPATH": str(tmp_path)})
    bright = np.abs(picture)
    until(lambda: not server.infer("trained", bright).error)
    model = listed(server, "trained")
    assert model.label == "Trained TF"
    assert [(each.name, each.values[0]) for each in model.string_options] == [
        ("checkpoint_name", "model-1000")
    ]

    def wanted(pixels, weight):
        from understudy.colour.scene_linear import linear_to_srgb, srgb_to_linear

        return srgb_to_linear(linear_to_srgb(pixels) * np.float32(weight))

    newest = server.infer("trained", bright).picture()
    assert np.allclose(newest, wanted(bright, 0.5), rtol=1e-3, atol=1e-4)
    other_size = np.abs(np.random.default_rng(1).normal(0.4, 0.3, (33, 18, 3))).astype(np.float32)
    older = server.infer("trained", other_size, checkpoint_name="model-900").picture()
    assert np.allclose(older, wanted(other_size, 0.25), rtol=1e-3, atol=1e-4)
    assert np.allclose(
        server.infer("trained", other_size).picture(), wanted(other_size, 0.5), rtol=1e-3, atol=1e-4
    )
    assert "ValueError" in server.infer("trained", bright, checkpoint_name="").error


def test_without_tensorflow_the_originals_template_says_what_it_needs(serve, picture, tmp_path, until):
    server = serve(trained_template(tmp_path), env={"PYTHONPATH": str(tmp_path)})
    until(lambda: "needs the package tensorflow" in server.infer("trained", picture).error)
