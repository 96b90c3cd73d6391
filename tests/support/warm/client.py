"""Asks the server for a fork that runs a module; see the package. Runs without ``site``."""

import os
import signal
import socket
import sys

# What a fork takes over from the server instead of from here, but for what the server sees to.
OWN = ("PYTHON", "LC_", "LANG", "LLM_LOAD_PLUGINS", "LITELLM_", "TZ", "SSL_CERT")
# LiteLLM reads these when a proxy starts, or with each call.
LATE = ("LITELLM_PROXY_API_BASE", "LITELLM_MASTER_KEY", "LITELLM_WORKER_STARTUP_HOOKS")
SEEN_TO = ("PYTHONPATH", "PYTHONUNBUFFERED", *LATE)
SIZE = 16
"""Bytes of each answer of the server: the number of the child, then its status."""
PASSED_ON = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGCONT")


def kept(environment):
    """What must be the same here and at the server."""
    return {
        name: text
        for name, text in environment.items()
        if name.startswith(OWN) and name not in SEEN_TO
    }


def is_ignored(name):
    return signal.getsignal(getattr(signal, name)) is signal.SIG_IGN


def exact():
    """A new interpreter, in place of this one."""
    way = [] if sys.argv[2] == "-c" or os.path.isabs(sys.argv[2]) else ["-m"]
    os.execv(sys.executable, [sys.executable, *way, *sys.argv[2:]])


def ask(ignored):
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            exact()  # a fork would find other files under that number
    try:
        server = socket.socket(socket.AF_UNIX)
        server.connect(sys.argv[1])
    except OSError:
        exact()
    asked = repr(
        {
            # As bytes: what they are as text is for the server's locale to say.
            "argv": [os.fsencode(argument) for argument in sys.argv[2:]],
            "env": dict(os.environb),
            "cwd": os.getcwdb(),
            "group": os.getpgrp(),
            "ignored": ignored,
        }
    ).encode()
    socket.send_fds(server, [len(asked).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(asked)
    said = server.recv(SIZE).strip()
    if not said.isdigit():
        exact()
    return server, int(said)


def main():
    ignored = [name for name in PASSED_ON if is_ignored(name)]
    child, early = None, []

    def hand_on(number, frame):
        if child is None:
            early.append(number)
            return
        try:  # noqa: SIM105 - contextlib takes as long to import as all the rest
            os.kill(child, number)
        except ProcessLookupError:
            pass

    # Before anything is asked: the child may say that it runs before its number is known here.
    for name in PASSED_ON:
        if name not in ignored:
            signal.signal(getattr(signal, name), hand_on)
    server, child = ask(ignored)
    for number in early:
        hand_on(number, None)
    status = int(server.recv(SIZE) or b"9")
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main()
