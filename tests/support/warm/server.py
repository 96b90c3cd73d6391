"""Forks children that run a module; see the package."""

from __future__ import annotations

import ast
import gc
import importlib
import os
import pkgutil
import runpy
import selectors
import shutil
import signal
import socket
import sys
import types
from contextlib import suppress
from pathlib import Path
from typing import Any

import llm_kimi
from tests.support.warm.client import SIZE, kept

WITHOUT = ("llm_kimi.litellm", "llm_kimi.integrations.litellm", "llm_kimi.pytest_plugin")


def preload(kind: str) -> None:
    """Everything that a command may import."""
    if kind == "litellm":
        # Not this package: each program decides itself when it registers Kimi.
        importlib.import_module("litellm")
        with suppress(ImportError):  # there is no proxy without its extra
            importlib.import_module("litellm.proxy.proxy_cli")
            importlib.import_module("litellm.proxy.proxy_server")
        return
    importlib.import_module("llm.cli")
    for name in ("httpcore", "httpcore2"):  # which httpx imports when it is used
        with suppress(ImportError):
            importlib.import_module(name)
    for found in pkgutil.walk_packages(llm_kimi.__path__, "llm_kimi."):
        if not found.name.startswith(WITHOUT):
            importlib.import_module(found.name)


class Server:
    """One client at a time is read; children run side by side."""

    def __init__(self, path: Path, owner: int) -> None:
        self._path, self._owner = path, owner
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen(64)
        self._clients: dict[int, socket.socket] = {}
        self._wakes, self._woken = socket.socketpair()
        for end in (self._wakes, self._woken):
            end.setblocking(False)

    def serve(self) -> dict[str, Any] | None:
        """Until the owner ends: None. In a child: what it was asked for."""
        selector = selectors.DefaultSelector()
        for one in (self._listening, self._wakes):
            selector.register(one, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the tests is not for the server
        signal.set_wakeup_fd(self._woken.fileno())
        os.write(1, b"ready\n")
        while self._owner_lives():
            for key, _ in selector.select(1.0):
                if key.fileobj is self._listening:
                    asked = self._accept(selector)
                    if asked is not None:
                        return asked
                elif key.fileobj is self._wakes:
                    self._wakes.recv(4096)
                    self._reap(selector)
                elif isinstance(key.fileobj, socket.socket):
                    self._left(selector, key.fileobj)
        for child in self._clients:
            os.kill(child, signal.SIGKILL)
        shutil.rmtree(self._path.parent, ignore_errors=True)
        return None

    def _owner_lives(self) -> bool:
        try:
            os.kill(self._owner, 0)
        except ProcessLookupError:
            return False
        return True

    def _accept(self, selector: selectors.BaseSelector) -> dict[str, Any] | None:
        client, _ = self._listening.accept()
        head, files, _, _ = socket.recv_fds(client, 4, 3)
        if len(head) < 4:
            client.close()
            return None
        whole = _exactly(client, head)
        if whole is None:
            client.close()
            for file in files:
                os.close(file)
            return None
        asked: dict[str, Any] = ast.literal_eval(whole.decode())
        asked["env"] = {os.fsdecode(k): os.fsdecode(v) for k, v in asked["env"].items()}
        if kept(asked["env"]) != kept(os.environ):
            with suppress(OSError):  # it may be gone
                client.sendall(b"no".rjust(SIZE))
            client.close()
            for file in files:
                os.close(file)
            return None
        child = os.fork()
        if not child:
            signal.set_wakeup_fd(-1)
            selector.close()
            for one in (self._listening, self._wakes, self._woken, client, *self._clients.values()):
                one.close()
            for number, file in enumerate(files):
                os.dup2(file, number)
                os.close(file)
            return asked
        for file in files:
            os.close(file)
        self._clients[child] = client
        selector.register(client, selectors.EVENT_READ)
        with suppress(OSError):  # it was killed: its end is read next, and ends the child
            client.sendall(b"%*d" % (SIZE, child))
        return None

    def _reap(self, selector: selectors.BaseSelector) -> None:
        while self._clients:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                return
            client = self._clients.pop(child)
            if client in selector.get_map():
                selector.unregister(client)
            with suppress(OSError):
                client.sendall(b"%*d" % (SIZE, status))
            client.close()

    def _left(self, selector: selectors.BaseSelector, client: socket.socket) -> None:
        """The client was killed: so is what it stood for."""
        for child, one in self._clients.items():
            if one is client:
                selector.unregister(client)
                os.kill(child, signal.SIGKILL)
                return


def _exactly(client: socket.socket, head: bytes) -> bytes | None:
    """The bytes that ``head`` announces; None if the client is gone before."""
    size, pieces = int.from_bytes(head, "big"), []
    while size:
        try:
            piece = client.recv(size)
        except OSError:
            return None
        if not piece:
            return None
        size -= len(piece)
        pieces.append(piece)
    return b"".join(pieces)


def become(asked: dict[str, Any]) -> None:
    """Run the module as ``python -m`` runs it."""
    with suppress(OSError):  # a group of another session
        os.setpgid(0, asked["group"])
    for name in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1):
        signal.signal(name, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in asked["ignored"]:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    # As Python opened them for the server, in the same locale.
    read, out, err = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = open(0, encoding=read.encoding, errors=read.errors, closefd=False)  # noqa: SIM115
    sys.__stdin__ = sys.stdin
    sys.stdout = sys.__stdout__ = _writer(1, out.encoding, out.errors)
    sys.stderr = sys.__stderr__ = _writer(2, err.encoding, err.errors)
    sys.argv = [os.fsdecode(argument) for argument in asked["argv"]]
    sys.path[0] = os.getcwd()
    paths = asked["env"].get("PYTHONPATH", "").split(os.pathsep)
    sys.path[1:1] = [path for path in paths if path and path not in sys.path]
    if os.path.isabs(sys.argv[0]):
        sys.path[0] = os.path.dirname(sys.argv[0])
        runpy.run_path(sys.argv[0], run_name="__main__")
        return
    if sys.argv[0] != "-c":
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        return
    code = sys.argv.pop(1)
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    exec(compile(code, "<string>", "exec"), main.__dict__)


def _writer(number: int, encoding: str, errors: str | None) -> Any:
    lines = number == 2 or os.isatty(number)
    return open(
        number, "w", encoding=encoding, errors=errors, closefd=False, buffering=1 if lines else -1
    )


if __name__ == "__main__":
    preload(sys.argv[1])
    gc.collect()
    gc.freeze()
    todo = Server(Path(sys.argv[2]), int(sys.argv[3])).serve()
    if todo is not None:
        become(todo)
