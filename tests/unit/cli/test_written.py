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

"""Tests of files that commands write."""

import os

import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli import written
from tests import base


class WrittenTestCase(base.TestCase):
    """All of the new text, or the old one."""

    def setUp(self) -> None:
        """Make a directory."""
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.path = os.path.join(self.directory, 'map.html')

    def _text(self) -> str:
        with open(self.path, encoding='utf-8') as file:
            return file.read()

    def test_a_new_file(self) -> None:
        """Others may read it if the umask lets them."""
        old = os.umask(0o022)
        self.addCleanup(os.umask, old)
        written.whole(self.path, 'grün', '--html')
        self.assertEqual('grün', self._text())
        self.assertEqual(0o644, os.stat(self.path).st_mode & 0o777)
        self.assertEqual(['map.html'], os.listdir(self.directory))

    def test_who_reads_it_meanwhile(self) -> None:
        """They have the old text to the end."""
        written.whole(self.path, 'old', '--html')
        with open(self.path, encoding='utf-8') as reader:
            written.whole(self.path, 'new', '--html')
            self.assertEqual('old', reader.read())
        self.assertEqual('new', self._text())

    def test_a_write_that_fails(self) -> None:
        """The old text stays, and nothing is left beside it."""
        written.whole(self.path, 'old', '--html')
        self.useFixture(fixtures.MonkeyPatch('os.fsync', _full))
        error = self.assertRaises(
            exceptions.InvalidInput,
            written.whole,
            self.path,
            'new',
            '--html',
        )
        self.assertEqual(
            ('--html', self.path, 'No space left on device'),
            tuple(error.fields[key] for key in ('field', 'value', 'reason')),
        )
        self.assertEqual('old', self._text())
        self.assertEqual(['map.html'], os.listdir(self.directory))

    def test_what_can_not_be_a_file(self) -> None:
        """A directory, or one that is not there."""
        for path in (
            self.directory,
            os.path.join(self.directory, 'no', 'map.html'),
            os.path.join(self.directory, 'x' * 300),
        ):
            self.assertRaises(
                exceptions.InvalidInput, written.whole, path, 'x', '--html'
            )
        self.assertEqual([], os.listdir(self.directory))


def _full(descriptor: int) -> None:
    raise OSError(28, 'No space left on device')
