"""Runs a program that inherits a listening socket, as systemd's socket activation hands it over: ADDRESS PROGRAM [ARGUMENT...]

ADDRESS is HOST:PORT, or a path. The port is printed first. @see sd_listen_fds(3)
"""
import os
import socket
import sys

address, *call = sys.argv[1:]
if address.startswith("/"):
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
else:
    host, port = address.rsplit(":", 1)
    listening = socket.socket(socket.AF_INET)
    listening.bind((host, int(port)))
    print(listening.getsockname()[1], file=sys.stderr, flush=True)
listening.listen()
first = 3
if listening.fileno() != first:
    os.dup2(listening.fileno(), first)
os.set_inheritable(first, True)
given = {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "http", "LISTEN_PID": str(os.getpid())}
os.execvpe(call[0], call, {**os.environ, **given})
