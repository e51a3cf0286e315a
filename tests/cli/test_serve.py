"""`cxr serve` up to the start of the page: errors and messages. The page is tested in tests/web."""

import os
import socket
import subprocess
import sys

import pytest

from cxr_cli.ports import next_free_port


def test_serve_with_an_unknown_run_does_not_load_the_server(cxr, trained, film):
    code = (
        "import sys\nfrom cxr_cli.cli.app import main\n"
        "try: main(sys.argv[1:])\nfinally: print('starlette' in sys.modules)"
    )
    command = [sys.executable, "-c", code, "serve", "-m", "other", "-w", str(trained.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (1, "False\n")
    assert done.stderr == cxr("predict", film, "-m", "other", "-w", trained.root).stderr


def test_serve_with_an_unknown_run_names_it(cxr, trained):
    result = cxr("serve", "-m", "other", "-w", trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: Expected the name of a trained run in {trained.models}. Received: 'other'.\nTrained runs: simple-cnn\n"
    )


def test_without_the_extra_the_error_says_how_to_install_it(cxr, trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "starlette", None)  # makes `import starlette` fail
    result = cxr("serve", "-w", trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: Expected the package starlette for the page. Received: it is not installed.\n"
        'Install it: pip install "cxr-cli[web]"\n'
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_busy_port_is_an_error_and_an_open_host_has_a_warning(cxr, trained, host, monkeypatch):
    monkeypatch.setenv("CXR_PASSWORD", "correct horse")
    with socket.create_server((host, 0)) as busy:
        port = busy.getsockname()[1]
        free = next_free_port(host, port)
        result = cxr("serve", "--host", host, "--auth", "--port", port, "-w", trained.root)

    warning = (
        "Warning: 0.0.0.0 is open to the network. Whoever knows the password can use the page, and both the password "
        "and films travel to it unprotected, unless a proxy with TLS is before it.\n"
    )
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        (warning if host == "0.0.0.0" else "")
        + f"Error: Expected to listen on {host}, port {port}. Received: Address already in use.\n"
        f"Port {free} is free: cxr serve --port {free}\n"
    )


def test_a_page_for_other_machines_needs_a_password(cxr, trained):
    result = cxr("serve", "--host", "0.0.0.0", "-w", trained.root)

    assert result.exit_code == 2
    assert result.stderr.endswith(
        "Error: Expected a password for a page that other machines can reach. Received: none, for 0.0.0.0.\n"
        "Choose one and type it when asked: cxr serve --host 0.0.0.0 --auth\n"
    )


@pytest.mark.parametrize(
    ("password", "received"),
    [
        ("short\n", "Expected a password of at least 8 characters. Received: 5."),
        ("", "Expected a password of at least 8 characters. Received: 0."),
        (b"\xff" * 9, "Expected a file whose first line is the password. Received: password: it is not text."),
        (None, "Expected a file whose first line is the password. Received: password: No such file or directory."),
    ],
)
def test_a_bad_password_file_is_an_error(cxr, trained, in_folder, password, received):
    if password is not None:
        (in_folder / "password").write_bytes(password if isinstance(password, bytes) else password.encode())
        (in_folder / "password").chmod(0o600)
    result = cxr("serve", "--auth-file", "password", "-w", trained.root)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {received}\n")


@pytest.mark.skipif(os.name != "posix", reason="needs modes of files")
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o644, 0o620, 0o604])
def test_a_password_file_that_others_can_read_or_change_has_a_warning(cxr, trained, in_folder, mode):
    (in_folder / "pass word").write_text("short\n")  # an error, so that nothing is served
    (in_folder / "pass word").chmod(mode)
    result = cxr("serve", "--auth-file", "pass word", "-w", trained.root)

    warning = (
        "Warning: other users of this machine can read or change pass word, which holds the password. "
        "Keep it to yourself: chmod 600 'pass word'\n"
    )
    assert result.stderr.startswith((warning if mode & 0o077 else "") + "Error: Expected a password of at least 8")


def test_a_password_that_nobody_can_type_is_an_error(cxr, trained):
    result = cxr("serve", "--auth", "-w", trained.root)

    assert result.exit_code == 1
    assert result.stderr == (
        "Error: Expected the password in the environment as CXR_PASSWORD, or a terminal to type it. "
        "Received: neither.\n"
        "Put it into a file, and name that: cxr serve --auth-file FILE\n"
    )


def test_a_host_of_another_machine_is_an_error(cxr, trained, in_folder):
    (in_folder / "password").write_text("correct horse\n")
    result = cxr("serve", "--host", "203.0.113.7", "--auth-file", "password", "-w", trained.root)

    assert result.exit_code == 1
    assert result.stderr.endswith(
        "Error: Expected to listen on 203.0.113.7, port 7860. Received: Cannot assign requested address.\n"
        "Leave out --host to serve this machine alone\n"
    )
