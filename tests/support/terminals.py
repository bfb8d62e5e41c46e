"""A command on a terminal of its own, and what it wrote there."""

import fcntl
import os
import pty
import re
import struct
import termios

CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


def on_a_terminal(command, folder, environment, width=100):
    """Run it in a folder; returns its exit code and all that it wrote, without escape codes."""
    process, terminal = pty.fork()
    if not process:
        os.chdir(folder)
        os.execve(command[0], command, environment)  # noqa: S606, the tests' own interpreter
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    written = []
    while True:
        try:
            written.append(os.read(terminal, 65536))
        except OSError:  # the other end is closed
            break
    os.close(terminal)
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return status, CODES.sub("", b"".join(written).decode(errors="replace"))
