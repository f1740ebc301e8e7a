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

"""Tests of the files of the authority."""

import os
import stat
import threading
from unittest import mock

import ddt
import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import keystore
from tests import base

PAIR = keystore.Pair('certificate\n', 'secret\n')


def _mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@ddt.ddt
class KeystoreTestCase(base.TestCase):
    """A pair is made once, kept secret and never half."""

    def setUp(self) -> None:
        """Choose a directory that is not there yet."""
        super().setUp()
        temporary = self.useFixture(fixtures.TempDir()).path
        self.directory = os.path.join(temporary, 'ca')
        self.key = os.path.join(self.directory, 'ca.key')
        self.certificate = os.path.join(self.directory, 'ca.pem')

    def _create(self) -> tuple[keystore.Pair, bool]:
        return keystore.read_or_create(self.directory, lambda: PAIR)

    def test_first_call_makes_it_and_the_second_reads_it(self) -> None:
        """The pair stays the same."""
        self.assertEqual((PAIR, True), self._create())
        self.assertEqual((PAIR, False), self._create())
        self.assertEqual(PAIR, keystore.read(self.directory))

    def test_pair_of_the_operator(self) -> None:
        """It is written as one that is made here."""
        keystore.create(self.directory, PAIR)
        self.assertEqual(PAIR, keystore.read(self.directory))
        self.assertEqual(0o600, _mode(self.key))

    @ddt.data('ca.key', 'ca.pem')
    def test_there_is_a_pair_or_half_of_one(self, name: str) -> None:
        """It stays as it is."""
        os.makedirs(self.directory)
        path = os.path.join(self.directory, name)
        keystore.write_new(path, 'old', 0o600)
        self.assertRaises(
            exceptions.AuthorityExists, keystore.create, self.directory, PAIR
        )
        self.assertEqual('old', keystore.read_text(path))
        self.assertEqual(
            ['.lock', name], sorted(os.listdir(self.directory))
        )

    def test_pair_that_was_cut_off_between_its_halves(self) -> None:
        """It is there, and a second one is refused."""
        os.makedirs(self.directory)
        new = os.path.join(self.directory, '.ca.pem.new')
        keystore.write_new(self.key, PAIR.key_pem, 0o600)
        keystore.write_new(new, PAIR.certificate_pem, 0o644)
        self.assertRaises(
            exceptions.AuthorityExists, keystore.create, self.directory, PAIR
        )
        self.assertEqual(PAIR, keystore.read(self.directory))

    def test_place_that_can_not_be_written(self) -> None:
        """The reason is told."""
        keystore.write_new(self.directory, 'a file', 0o600)
        error = self.assertRaises(
            exceptions.TlsError, keystore.create, self.directory, PAIR
        )
        self.assertIn('can not be written', str(error))

    def test_key_is_for_the_owner_alone(self) -> None:
        """Whatever the umask says."""
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        self._create()
        self.assertEqual(0o700, _mode(self.directory))
        self.assertEqual(0o600, _mode(self.key))
        self.assertEqual(0o644, _mode(self.certificate))

    def test_key_has_its_mode_before_its_first_byte(self) -> None:
        """There is no moment in which others can open it."""
        real = os.open
        modes = []

        def watched(path: str, flags: int, *rest: int) -> int:
            descriptor = real(path, flags, *rest)
            if 'ca.key' in str(path) and flags & os.O_CREAT:
                self.assertTrue(flags & os.O_EXCL)
                modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
            return descriptor

        with mock.patch.object(os, 'open', watched):
            self._create()
        self.assertEqual([0o600], modes)

    def test_files_are_on_disk_before_they_get_their_names(self) -> None:
        """A power cut can't leave an empty key."""
        calls = mock.Mock()
        with (
            mock.patch.object(os, 'fsync', calls.fsync),
            mock.patch.object(
                os, 'rename', mock.Mock(wraps=os.rename)
            ) as rename,
        ):
            calls.attach_mock(rename, 'rename')
            self._create()
        self.assertEqual(
            ['fsync', 'fsync', 'fsync', 'rename', 'rename', 'fsync'],
            [call[0] for call in calls.mock_calls],
        )

    def test_only_the_two_files_and_the_lock_are_left(self) -> None:
        """Nothing temporary stays."""
        self._create()
        self.assertEqual(
            ['.lock', 'ca.key', 'ca.pem'], sorted(os.listdir(self.directory))
        )

    @ddt.data(0o640, 0o604, 0o620, 0o660, 0o644, 0o666)
    def test_key_that_others_may_use_is_refused(self, mode: int) -> None:
        """They could issue certificates already."""
        self._create()
        os.chmod(self.key, mode)
        error = self.assertRaises(exceptions.InsecureFile, self._create)
        self.assertEqual(self.key, error.fields['path'])
        self.assertIn(f'{mode:04o}', error.fields['reason'])

    @ddt.data(0o600, 0o400)
    def test_key_of_the_owner_is_read(self, mode: int) -> None:
        """Read-only is fine."""
        self._create()
        os.chmod(self.key, mode)
        self.assertEqual(PAIR, keystore.read(self.directory))

    def test_nothing_is_there(self) -> None:
        """Reading makes nothing."""
        error = self.assertRaises(
            exceptions.TlsError, keystore.read, self.directory
        )
        self.assertIn('there is none', str(error))
        self.assertFalse(os.path.exists(self.directory))

    def test_key_is_missing(self) -> None:
        """It is not replaced: issued certificates depend on it."""
        self._create()
        os.unlink(self.key)
        error = self.assertRaises(exceptions.InsecureFile, self._create)
        self.assertIn('ca.key: it is missing', str(error))
        self.assertFalse(os.path.exists(self.key))

    def test_certificate_is_missing(self) -> None:
        """The message says what to do."""
        self._create()
        os.unlink(self.certificate)
        error = self.assertRaises(exceptions.TlsError, self._create)
        self.assertIn('ca.pem is missing', str(error))

    def test_crash_before_the_files_have_their_names(self) -> None:
        """What is left of it is no obstacle."""
        self._crash_at_rename(1)
        self.assertEqual((PAIR, True), self._create())

    def test_crash_between_the_two_names(self) -> None:
        """The second half is put in its place."""
        self._crash_at_rename(2)
        self.assertEqual(['ca.key'], self._visible())
        pair, made = keystore.read_or_create(self.directory, self.fail)
        self.assertEqual((PAIR, False), (pair, made))
        self.assertEqual(['ca.key', 'ca.pem'], self._visible())

    def _crash_at_rename(self, number: int) -> None:
        real = os.rename
        outcomes = [real] * (number - 1) + [mock.Mock(side_effect=SystemExit)]

        def rename(source: str, target: str) -> None:
            outcomes.pop(0)(source, target)

        with mock.patch.object(os, 'rename', rename):
            self.assertRaises(SystemExit, self._create)

    def _visible(self) -> list[str]:
        return sorted(
            name
            for name in os.listdir(self.directory)
            if not name.startswith('.')
        )

    def test_directory_can_not_be_made(self) -> None:
        """The reason is the system's."""
        with open(self.directory, 'w', encoding='ascii'):
            pass
        error = self.assertRaises(exceptions.TlsError, self._create)
        self.assertEqual(self.directory, error.fields['path'])

    def test_key_is_no_text(self) -> None:
        """No byte of it is in the error."""
        self._create()
        with open(self.key, 'wb') as stream:
            stream.write(b'\xffsecret')
        error = self.assertRaises(
            exceptions.InsecureFile, keystore.read, self.directory
        )
        self.assertNotIn('secret', str(error))

    def test_many_threads_get_one_pair(self) -> None:
        """One makes it, the others wait and read it."""
        count = 8
        barrier = threading.Barrier(count)
        made = []

        def make() -> keystore.Pair:
            made.append(None)
            return keystore.Pair(f'{len(made)}\n', 'secret\n')

        found = []

        def run() -> None:
            barrier.wait()
            found.append(keystore.read_or_create(self.directory, make))

        threads = [threading.Thread(target=run) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(1, len(made))
        self.assertEqual({'1\n'}, {pair.certificate_pem for pair, _ in found})
        self.assertEqual(1, sum(mine for _, mine in found))

    def test_key_is_not_in_the_repr(self) -> None:
        """A pair may be logged by mistake."""
        self.assertNotIn('secret', repr(PAIR))


class PlaceTestCase(base.TestCase):
    """Files get their names in one step."""

    def setUp(self) -> None:
        """Write a source and a target."""
        super().setUp()
        directory = self.useFixture(fixtures.TempDir()).path
        self.target = os.path.join(directory, 'file')
        self.source = keystore.temporary(self.target)
        keystore.write_new(self.source, 'new', 0o600)

    def _content(self) -> str:
        with open(self.target, encoding='ascii') as stream:
            return stream.read()

    def test_free_name_is_taken(self) -> None:
        """The temporary name is gone."""
        keystore.place(self.source, self.target, overwrite=False)
        self.assertEqual('new', self._content())
        self.assertFalse(os.path.exists(self.source))

    def test_taken_name_is_kept(self) -> None:
        """Even if it was taken a moment ago."""
        keystore.write_new(self.target, 'old', 0o600)
        self.assertRaises(
            FileExistsError,
            keystore.place,
            self.source,
            self.target,
            overwrite=False,
        )
        self.assertEqual('old', self._content())

    def test_taken_name_is_replaced_if_asked(self) -> None:
        """In one step."""
        keystore.write_new(self.target, 'old', 0o600)
        keystore.place(self.source, self.target, overwrite=True)
        self.assertEqual('new', self._content())

    def test_existing_file_is_never_written_into(self) -> None:
        """Not even through a symbolic link."""
        os.symlink(self.source, self.target)
        self.assertRaises(
            FileExistsError, keystore.write_new, self.target, 'x', 0o600
        )
