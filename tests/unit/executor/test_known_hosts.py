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

"""Tests of the file of host keys."""

import os
import stat

import fixtures

from manila_gluster_heketi.executor import known_hosts
from tests import base

# The key and its fingerprint as "ssh-keygen -lf" shows it.
_KEY = 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl'
_FINGERPRINT = 'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU'
_LINE = f'gl1 ssh-ed25519 {_KEY}'


class KnownHostsTestCase(base.TestCase):
    """Lines are found, added once, and never replaced."""

    def setUp(self) -> None:
        """Choose a file that is not there yet."""
        super().setUp()
        root = self.useFixture(fixtures.TempDir()).path
        self.path = os.path.join(root, 'new', 'known_hosts')

    def _text(self) -> str:
        with open(self.path, encoding='utf-8') as file:
            return file.read()

    def _write(self, text: str) -> None:
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path, 'w', encoding='utf-8') as file:
            file.write(text)

    def test_a_file_that_is_not_there(self) -> None:
        """Knows nobody, and is not made for nothing."""
        self.assertEqual('', known_hosts.line_of(self.path, 'gl1'))
        known_hosts.ensure(self.path, [])
        self.assertFalse(os.path.exists(self.path))

    def test_it_is_made(self) -> None:
        """In a directory for its owner alone."""
        known_hosts.ensure(self.path, [_LINE])
        self.assertEqual(f'{_LINE}\n', self._text())
        self.assertEqual(_LINE, known_hosts.line_of(self.path, 'gl1'))
        mode = os.stat(os.path.dirname(self.path)).st_mode
        self.assertEqual(0o700, stat.S_IMODE(mode))

    def test_a_host_that_is_known_keeps_its_line(self) -> None:
        """A person decides whether another key is right."""
        self._write('gl1 ssh-ed25519 AAAAother\n')
        known_hosts.ensure(self.path, [_LINE, _LINE.replace('gl1', 'gl2')])
        self.assertEqual(
            f'gl1 ssh-ed25519 AAAAother\n{_LINE.replace("gl1", "gl2")}\n',
            self._text(),
        )

    def test_a_second_time(self) -> None:
        """Nothing is added."""
        known_hosts.ensure(self.path, [_LINE])
        known_hosts.ensure(self.path, [_LINE])
        self.assertEqual(f'{_LINE}\n', self._text())

    def test_a_file_without_a_last_newline(self) -> None:
        """An editor left it so; the new line must not run into the last."""
        self._write('gl0 ssh-ed25519 AAAA')
        known_hosts.ensure(self.path, [_LINE])
        self.assertEqual(_LINE, known_hosts.line_of(self.path, 'gl1'))
        self.assertEqual(
            'gl0 ssh-ed25519 AAAA', known_hosts.line_of(self.path, 'gl0')
        )

    def test_a_host_on_a_line_with_its_address(self) -> None:
        """That is how ssh-keyscan and people write them."""
        line = _LINE.replace('gl1', 'gl1,10.0.0.1')
        self._write(f'# nodes\n\n{line}\n')
        self.assertEqual(line, known_hosts.line_of(self.path, '10.0.0.1'))
        self.assertEqual('', known_hosts.line_of(self.path, 'gl'))
        known_hosts.ensure(self.path, [_LINE])
        self.assertEqual(line, known_hosts.line_of(self.path, 'gl1'))
        self.assertNotIn(f'\n{_LINE}\n', self._text())

    def test_another_port(self) -> None:
        """In brackets, sshd(8)."""
        self._write(f'[gl1]:2222 ssh-ed25519 {_KEY}\n')
        self.assertEqual('', known_hosts.line_of(self.path, 'gl1'))
        self.assertIn(_KEY, known_hosts.line_of(self.path, 'gl1', 2222))

    def test_a_fingerprint(self) -> None:
        """As ssh-keygen writes it."""
        self.assertEqual(_FINGERPRINT, known_hosts.fingerprint(_LINE))
