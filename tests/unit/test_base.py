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

"""Tests of the bans that the tests live under."""

import contextlib
import logging
import os
import socket
import subprocess
import sys
import unittest
import warnings

from sqlalchemy import exc as sa_exc

from tests import base

LOG = logging.getLogger(__name__)


class Offender(base.TestCase):
    """Tests that break the rules; only run by the tests below."""

    def process(self) -> None:
        """Start a process."""
        subprocess.run([sys.executable, '--version'], check=True)

    def hidden_process(self) -> None:
        """Start a process where the error is swallowed."""
        with contextlib.suppress(Exception):
            subprocess.run([sys.executable, '--version'], check=True)

    def shell(self) -> None:
        """Start a shell."""
        os.system('true')  # noqa: S605, S607

    def connection(self) -> None:
        """Connect to a port."""
        with socket.socket() as sock:
            sock.connect(('127.0.0.1', 9))

    def name(self) -> None:
        """Resolve a name."""
        socket.getaddrinfo('localhost', 80)

    def bad_log_arguments(self) -> None:
        """Log with an argument too many."""
        LOG.debug('one %s', 1, 2)

    def sqlalchemy_warning(self) -> None:
        """Warn as SQLAlchemy does."""
        warnings.warn('slow', sa_exc.SAWarning, stacklevel=1)


class AllowedOffender(Offender):
    """The same with leave to start processes and use the network."""

    allow_processes = True
    allow_sockets = True

    def connection(self) -> None:
        """Listen on a port."""
        with socket.socket() as sock:
            sock.bind(('127.0.0.1', 0))


class BansTestCase(unittest.TestCase):
    """Plain unittest, since the bans themselves are what is tested."""

    def _run(self, test: unittest.TestCase) -> str:
        result = unittest.TestResult()
        test.run(result)
        return '\n'.join(text for _, text in result.errors + result.failures)

    def test_process_is_refused_and_the_way_out_named(self) -> None:
        """The message says how to ask."""
        report = self._run(Offender('process'))
        self.assertIn('Refused', report)
        self.assertIn('allow_processes = True', report)

    def test_refusal_that_the_code_swallows_fails_the_test(self) -> None:
        """A broad except cannot hide a process."""
        self.assertIn('Refused', self._run(Offender('hidden_process')))

    def test_shell_is_refused(self) -> None:
        """os.system goes past subprocess, and not past the ban."""
        self.assertIn('allow_processes', self._run(Offender('shell')))

    def test_network_is_refused(self) -> None:
        """Neither connections nor names."""
        self.assertIn('allow_sockets', self._run(Offender('connection')))
        self.assertIn('allow_sockets', self._run(Offender('name')))

    def test_leave_is_given_by_class(self) -> None:
        """The attributes lift the bans."""
        self.assertEqual('', self._run(AllowedOffender('process')))
        self.assertEqual('', self._run(AllowedOffender('connection')))

    def test_ban_ends_with_the_test(self) -> None:
        """Nothing stays refused between tests."""
        self._run(Offender('process'))
        subprocess.run([sys.executable, '--version'], check=True)

    def test_debug_records_are_formatted(self) -> None:
        """A wrong argument shows although DEBUG is not shown."""
        report = self._run(Offender('bad_log_arguments'))
        self.assertIn('not all arguments converted', report)

    def test_sqlalchemy_warning_is_an_error(self) -> None:
        """Slow or ambiguous SQL does not pass."""
        self.assertIn('slow', self._run(Offender('sqlalchemy_warning')))
