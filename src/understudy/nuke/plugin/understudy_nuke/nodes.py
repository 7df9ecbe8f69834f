"""A trained run as a node: Inference by way of an export, or MLClient by way of the server."""

from __future__ import annotations

import json
import os
import socket
import time

from understudy_nuke import frames, processes
from understudy_nuke.panels import TrainedPanel
from understudy_nuke.trouble import Trouble

import nuke

HOST, PORT = "127.0.0.1", 55555
WAIT_SECONDS = 60.0
HOME = os.path.join("~", ".nuke", "understudy")
COPIED = 4  # channels that one Copy takes over


def inference_from_run():
    """Ask for a run, export it in another process, then make the nodes."""
    run = _ask_for_run()
    if run is None:
        return None
    return _export(run, os.path.join(run, "nuke"))


def inference_from_trained():
    """Ask for a network that comes trained, export it in another process, then make the nodes."""
    panel = TrainedPanel(trained_networks())
    if not panel.showModalDialog():
        return None
    name = panel.network.value().partition(":")[0]
    return _export(name, os.path.join(os.path.expanduser(HOME), name))


def trained_networks():
    """What ``understudy models`` lists to apply, as (name, what it is for). Motion is no picture, and
    Inference has one input: what finds it is with MLClient and ``apply``."""
    text = processes.start(["models", "--json"]).communicate()[0].decode("utf-8", "replace")
    found = []
    for line in text.splitlines():
        try:
            card = json.loads(line)
        except ValueError:
            continue
        if not isinstance(card, dict) or card.get("makes") == "motion":
            continue
        if "network" in card.get("kind", ()):
            found.append((card["name"], card.get("purpose", "")))
    if not found:
        raise Trouble(f"No networks come trained with this version.\n{processes.last_words(text)}".strip())
    return found


def _export(model, output):
    process = processes.start(
        ["export", model, "--to", "nuke", "--output", output, "--check", "quick", "--json"]
    )
    return processes.in_background(_finish, process)


def _ask_for_run():
    """The folder of a run, or a .cat of understudy."""
    path = nuke.getFilename("A run (its folder), or a .cat of understudy", None)
    if not path:
        return None
    path = path.rstrip("/\\")
    if os.path.isdir(path) and os.path.isfile(os.path.join(path, "state.json")):
        return path
    if path.endswith(".cat") and os.path.isfile(path):
        return path
    raise Trouble(f"This is no run: {path}\nGive the folder that training made.")


def _finish(process):
    """Wait in the background, then make the nodes in Nuke's main thread."""
    text = process.communicate()[0].decode("utf-8", "replace")
    if process.returncode:
        nuke.executeInMainThread(nuke.message, args=(processes.last_words(text),))
        return
    nuke.executeInMainThread(create_inference, args=(exported_file(text),))


def exported_file(text):
    """The TorchScript file that the export's output names."""
    for line in reversed(text.splitlines()):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("event") == "exported":
            return event["file"]
    raise Trouble("The export did not say what it wrote.")


def create_inference(script):
    """CatFileCreator and Inference for a TorchScript file, by the .nk that lies beside it; for a matte with
    the Group for its last touch.

    The paths in that .nk are relative to itself; here they are made whole, as these nodes are in another
    script.
    """
    beside = os.path.splitext(script)[0] + ".nk"
    folder = os.path.dirname(os.path.abspath(beside)).replace("\\", "/")
    before = set(nuke.allNodes())
    nuke.nodePaste(beside)
    made = [node for node in nuke.allNodes() if node not in before]
    for node in made:
        for name in ("torchScriptFile", "catFile", "modelFile"):
            knob = node.knob(name)
            if knob is not None:
                knob.setValue(whole(knob.value(), folder))
    for node in made:
        if node.Class() == "CatFileCreator" and node.knob("create") is not None:
            node["create"].execute()
    return made + [copy for node in made for copy in into_layers(node)]


def into_layers(node):
    """Copy nodes that put the mattes of an Inference, where it makes several, into layers of their names
    beside the plate's channels: the first input (B) is the plate, the second (A) the Inference."""
    knob = node.knob("mattes")
    pairs = [word.split("=") for word in knob.value().split()] if knob is not None else []
    copies = []
    for first in range(0, len(pairs), COPIED):
        below = copies[-1] if copies else node.input(0)
        copy = nuke.nodes.Copy(inputs=[below, node])
        for place, (came, layer) in enumerate(pairs[first : first + COPIED]):
            nuke.Layer(layer.rpartition(".")[0], [layer])
            copy[f"from{place}"].setValue(came)
            copy[f"to{place}"].setValue(layer)
        copies.append(copy)
    return copies


def whole(text, folder):
    """The text of a file knob with the script's folder written out."""
    return text.replace("[file dirname [value root.name]]", frames.as_knob_text(folder))


def mlclient_from_run():
    """Ask for a run, serve it in another process unless a server listens already, and make an MLClient."""
    run = _ask_for_run()
    if run is None:
        return None
    return _serve([run], run if os.path.isdir(run) else os.path.dirname(run))


def mlclient_from_trained():
    """Serve the networks that come trained in another process, unless a server listens already, and make an
    MLClient."""
    return _serve([], os.path.expanduser(HOME))


def _serve(models, folder):
    """``folder``: for the server's log."""
    if not listens():
        os.makedirs(folder, exist_ok=True)
        log = os.path.join(folder, "serve.log")
        processes.start(["serve", *models, "--host", HOST, "--port", PORT], log)
    return processes.in_background(_when_it_listens)


def listens():
    """Whether a server is there."""
    try:
        socket.create_connection((HOST, PORT), 0.5).close()
        return True
    except OSError:
        return False


def _when_it_listens():
    until = time.time() + WAIT_SECONDS
    while time.time() < until:
        if listens():
            nuke.executeInMainThread(create_mlclient)
            return
        time.sleep(0.5)
    nuke.executeInMainThread(nuke.message, args=("The server did not start; its serve.log says why.",))


def create_mlclient():
    """An MLClient that is connected to the server."""
    try:
        node = nuke.createNode("MLClient")
    except RuntimeError:
        nuke.message("This Nuke has no MLClient node. It is a plug-in of the nuke-ML-server project.")
        return None
    node["host"].setValue(HOST)
    node["port"].setValue(PORT)
    if node.knob("connect") is not None:
        node["connect"].execute()
    return node
