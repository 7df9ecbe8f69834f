"""The monitor behind a proxy: nginx with its defaults, below a path, with and without the path taken off."""

from __future__ import annotations

import shutil
import socket
import subprocess

import pytest
from monitor_stage import add_run, row_of, until

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
CONFIG = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {servers}
}}
"""
UPGRADE = """
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
"""
# What stands in a server of nginx, and the path of the page; {at} is the monitor's address.
LOCATIONS = {
    "nginx's defaults": ("location / {{ proxy_pass {at}; }}", "/"),
    "upgraded": ("location / {{ proxy_pass {at}; " + UPGRADE + "}}", "/"),
    "a prefix in a header": (
        "location /understudy/ {{ proxy_pass {at}/; proxy_set_header X-Forwarded-Prefix /understudy; }}",
        "/understudy/",
    ),
    "--root-path, taken off": ("location /understudy/ {{ proxy_pass {below}/; }}", "/understudy/"),
    "--root-path, kept": ("location /understudy/ {{ proxy_pass {below}; " + UPGRADE + "}}", "/understudy/"),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def monitors(tmp_path_factory, monitor_class):
    """A data directory with one run, and two monitors over it: one of them with --root-path."""
    data = tmp_path_factory.mktemp("runs")
    add_run(data, "sky")
    both = [monitor_class(data), monitor_class(data, arguments=("--root-path", "/understudy"))]
    for monitor in both:
        monitor.wait()
    yield data, *both
    for monitor in both:
        monitor.close()


@pytest.fixture(scope="module")
def addresses(monitors, tmp_path_factory):
    """The address of the page for each of LOCATIONS, on a name that is not this machine's."""
    if NGINX is None:
        pytest.skip("no nginx on this machine: apt-get install nginx")
    _, monitor, below = monitors
    folder = tmp_path_factory.mktemp("nginx")
    ports = {name: free_port() for name in LOCATIONS}
    servers = "\n".join(
        f"server {{ listen 127.0.0.1:{ports[name]}; {text.format(at=monitor.url, below=below.url)} }}"
        for name, (text, _) in LOCATIONS.items()
    )
    (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, servers=servers))
    process = subprocess.Popen([NGINX, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")])
    try:
        until(lambda: all(listens(port) for port in ports.values()))
        yield {name: f"http://studio.test:{ports[name]}{path}" for name, (_, path) in LOCATIONS.items()}
    finally:
        process.terminate()
        process.wait()


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@pytest.mark.browser
@pytest.mark.parametrize("name", LOCATIONS)
def test_the_page_works_behind_nginx(monitors, addresses, open_page, name):
    data, *_ = monitors
    page = open_page(addresses[name])
    row_of(page, "sky").wait_for()
    page.wait_for_function("document.querySelector('.us-viewer').dataset.shown")
    page.wait_for_function("document.querySelector('.us-graph').dataset.points > 0")
    run = add_run(data, "later", steps=50)
    row_of(page, "later").wait_for()
    run.delete()
    row_of(page, "later").wait_for(state="detached")
    said = [text for text in page.complaints if "Cross-Origin-Opener-Policy" not in text]
    failed = [text for text in said if "WebSocket connection" in text]
    # Without the lines that pass an upgrade on, the page falls back to polling, and the browser says so.
    assert bool(failed) == (name not in ("upgraded", "--root-path, kept"))
    assert [text for text in said if text not in failed] == []
