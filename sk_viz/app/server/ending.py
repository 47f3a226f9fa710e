"""The end of the server, for what runs in threads of its own and would otherwise go on."""

from __future__ import annotations

import threading

# Set when the server has been told to end and no longer takes visitors.
ending = threading.Event()
