# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""Processes that cost no second to start.

They are forked from one that has loaded all modules but done nothing: so each
is as good as new.
"""

import multiprocessing
import multiprocessing.forkserver
import os
import pathlib
import random
from collections.abc import Callable

_context = multiprocessing.get_context('forkserver')


def prepare(*modules: str) -> None:
    """Start the process that others are forked from.

    Its files would go with the temporary directory of a test that did it.

    :param modules: what it loads
    """
    _context.set_forkserver_preload([*modules])
    multiprocessing.forkserver.ensure_running()


class Forked:
    """A process that runs one function.

    :ivar log: what it says is written there
    """

    def __init__(
        self, log: pathlib.Path, work: Callable[..., object], *given: object
    ) -> None:
        self.log = log
        self._process = _context.Process(
            target=_begin, args=(log, work, given), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """0, 1 after an exception, less if a signal ended it, None before."""
        return self._process.exitcode

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a loss of power does; nothing if it has ended."""
        self._process.kill()
        self._process.join()

    def wait(self, seconds: float) -> int:
        """Give its exit code.

        :raises AssertionError: it did not end
        """
        self._process.join(seconds)
        code = self.exit_code
        if code is None:
            self.kill()
            raise AssertionError(f'no end after {seconds} s: {self.said}')
        return code

    @property
    def said(self) -> str:
        """What it has written to its standard output and error."""
        return self.log.read_text() if self.log.exists() else ''


def _begin(
    log: pathlib.Path, work: Callable[..., object], given: tuple[object, ...]
) -> None:
    with open(log, 'wb', buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    # What it was forked from has one for all.
    random.seed()
    work(*given)
