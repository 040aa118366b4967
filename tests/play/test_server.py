"""The server: who is admitted, and how the command fails."""

import contextlib
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest

from steepest.cli import main
from tests.support.browser import playground
from tests.support.commands import steepest

pytestmark = pytest.mark.slow


def status_of(url, **headers):
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, "", error.headers


def socket_status(url, **headers):
    """Return the status with which a websocket is answered."""
    needed = {
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
    }  # fmt: skip
    host, port = url.split("/")[2].split(":")
    query = url.partition("?")[2]
    lines = [f"GET /ws?{query} HTTP/1.1", f"Host: {host}:{port}"]
    lines += [f"{key}: {value}" for key, value in {**needed, **headers}.items()]
    with socket.create_connection((host, int(port)), 20) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(connection.recv(100).split()[1])


def test_only_who_has_the_token_is_admitted_and_ctrl_c_ends_it():
    with playground() as (process, url):
        base, token = url.split("?token=")
        assert base.startswith("http://127.0.0.1:")
        assert len(token) >= 32
        for wrong in (base, f"{base}?token=", f"{base}?token={token[:-1]}", f"{base}autoload.js"):
            assert status_of(wrong)[0] == 403, wrong
        status, page, headers = status_of(url)
        assert status == 200
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert "cdn.bokeh.org" not in page
        assert not re.search(r"<(script|link|img)[^>]*(src|href)=.?(?!data:)[a-z/]", page)
        origin = base.rstrip("/")
        assert socket_status(url, Origin="http://example.org") == 403
        assert socket_status(base, Origin=origin) == 403
        assert socket_status(url, Origin=origin) == 101
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((_other_address(), int(base.split(":")[2].strip("/"))), 1)
        taken = steepest("play", "--no-browser", "--port", base.split(":")[2].strip("/"))
        assert (taken.returncode, taken.stdout) == (1, "")
        assert taken.stderr.count("\n") == 1
        assert "another program uses it" in taken.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert "KeyboardInterrupt" not in process.stderr.read()
        assert "has ended" in process.stdout.read()


def test_ctrl_c_twice_ends_it_while_the_function_hangs(tmp_path):
    (tmp_path / "model.py").write_text(
        "import pathlib\n"
        "def hanging(x, y):\n"
        "    if pathlib.Path('hang').exists():\n"
        "        print('hangs', flush=True)\n"
        "        while True:\n"
        "            pass\n"
        "    return x**2 + y**2\n"
    )
    with playground("model.py:hanging", folder=tmp_path) as (process, url):
        (tmp_path / "hang").touch()
        asking = threading.Thread(target=_asked_in_vain, args=(url,))
        asking.start()
        assert any("hangs" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) > 0
        assert "Traceback" not in process.stderr.read()
        asking.join(20)


def _asked_in_vain(url):
    with contextlib.suppress(OSError):
        status_of(url)


def _other_address():
    """Return an address of this machine that is not the loopback's own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:  # there is no network at all
            return "127.0.0.2"
        return probe.getsockname()[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["model.py:missing"], "has no function missing"),
        (["model.py:opaque"], "opaque"),
        (["model.py:two"], "two must return one real number"),
        (["--start", "1,2,3"], "rosenbrock takes 2 numbers, got 3"),
        (["--start=nan,1"], "--start needs finite numbers, such as 0,0; got 'nan,1'"),
        (["--port", "70000"], "--port must be a number from 0 to 65535"),
    ],
)
def test_what_cannot_be_played_with_is_one_sentence(
    arguments, said, tmp_path, monkeypatch, capsys
):
    (tmp_path / "model.py").write_text(
        "def opaque(x, y):\n    return f'{x} and {y}'\ndef two(x, y):\n    return x, y\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["steepest", "play", "--no-browser", "--port=0", *arguments])
    with pytest.raises(SystemExit) as leaving:
        main()
    printed, errors = capsys.readouterr()
    assert (leaving.value.code, printed) == (1, "")
    assert said in errors
    assert "Traceback" not in errors


def test_without_bokeh_the_message_says_what_to_install(tmp_path):
    (tmp_path / "bokeh.py").write_text("raise ImportError('no bokeh')\n")
    result = steepest("play", "--no-browser", cwd=tmp_path)
    assert result.returncode == 1
    assert "pip install 'steepest[play]'" in result.stderr
    assert result.stderr.count("\n") == 1
