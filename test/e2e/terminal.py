"""Runs a command in a terminal of a given width: what comes on standard input is typed, what it shows is written out.
SIGHUP closes the terminal, and the command is then waited for.

Usage: terminal.py COLUMNS COMMAND [ARGUMENT...]
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios

columns, command = int(sys.argv[1]), sys.argv[2:]
pid, master = pty.fork()
if pid == 0:
    # Standard input is the terminal by now.
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.environ.update(TERM="xterm-256color")
    os.execvp(command[0], command)

signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))


def end():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256)


def close(*_):
    os.close(master)
    end()


signal.signal(signal.SIGHUP, close)
sources = [master, 0]
while master in sources:
    for source in select.select(sources, [], [])[0]:
        try:
            data = os.read(source, 65536)
        except OSError:
            data = b""
        if not data:
            sources.remove(source)
        else:
            os.write(1 if source == master else master, data)
end()
