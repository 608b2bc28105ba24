"""What ends a process: Ctrl-C and a polite end from outside, heard between two steps, and the end of its parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading


class Interrupts:
    """While it is entered, SIGINT and SIGTERM only set `asked`; a second Ctrl-C interrupts at once,
    a second SIGTERM changes nothing: what is being saved is saved.

    In a thread that is not the main one signals go on as before.

    >>> with Interrupts() as interrupts:
    ...     signal.raise_signal(signal.SIGINT)
    ...     interrupts.asked
    True
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):  # whoever ignores them goes on to
                    self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number: int, _: object) -> None:
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True


def end_with_parent() -> None:
    """A worker whose parent was killed would otherwise work on, and a second start beside it."""

    def watch() -> None:
        if parent := multiprocessing.parent_process():
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
