"""Runs a command on a terminal of its own, prints what it draws, and interrupts it when standard input ends.

terminal.py COMMAND...: exits as the command did, or with 99 where it had to be killed.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 100, 0, 0))
listening, deadline = [terminal, 0], time.monotonic() + 120
while time.monotonic() < deadline:
    ready, _, _ = select.select(listening, [], [], 1)
    if terminal in ready:
        try:
            drawn = os.read(terminal, 65536)
        except OSError:
            break
        if not drawn:
            break
        os.write(1, drawn)
    if 0 in ready and not os.read(0, 65536):
        listening.remove(0)
        # As Ctrl-C on the terminal would.
        os.write(terminal, b"\x03")
else:
    os.kill(pid, signal.SIGKILL)
    sys.exit(99)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
