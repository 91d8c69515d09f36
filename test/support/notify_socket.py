"""Stands in for systemd: opens a datagram socket and writes each message that comes as one line of JSON.

Usage: notify_socket.py PATH     It ends with its standard input, so that it never outlives who started it.
"""

import json
import select
import socket
import sys

listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
print("listening", flush=True)
while True:
    ready, _, _ = select.select([listener, sys.stdin], [], [])
    if listener in ready:
        print(json.dumps(listener.recv(65536).decode()), flush=True)
    elif not sys.stdin.buffer.read1():
        break
