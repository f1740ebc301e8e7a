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

"""Tests of the names that are on record as revoked."""

import dataclasses
import datetime

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import certificates
from manila_gluster_heketi.store import revocations
from tests.functional import databases
from tests.functional.store import base

_DAY = datetime.timedelta(days=1)


@databases.on_each_engine
class RevocationTestCase(base.StoreTestCase):
    """Two certificates of alice and one of bob; alice is revoked."""

    def setUp(self) -> None:
        """Fill the store."""
        super().setUp()
        self.alice = model.RevokedName('alice', base.NOON, 'lost', 'root')
        with self.store.write() as tx:
            for serial, name in (('1', 'alice'), ('2', 'alice'), ('3', 'bob')):
                certificates.add(
                    tx, model.Certificate(serial, name, 'client', base.NOON)
                )
            revocations.ban(tx, self.alice)
            self.count = revocations.revoke_certificates(
                tx, 'alice', base.NOON
            )

    def test_its_certificates(self) -> None:
        """All of them and no other; what is revoked stays as it is."""
        self.assertEqual(2, self.count)
        with self.store.write() as tx:
            later = base.NOON + _DAY
            self.assertEqual(
                0, revocations.revoke_certificates(tx, 'alice', later)
            )
            self.assertEqual(
                [base.NOON, base.NOON, None],
                [each.revoked_at for each in certificates.all(tx)],
            )

    def test_which_names_are_revoked(self) -> None:
        """As they are written: Alice is somebody else."""
        with self.store.read() as tx:
            found = revocations.among(tx, ['bob', 'Alice', 'alice', 'alice'])
            self.assertEqual({'alice': self.alice}, found)
            self.assertEqual({}, revocations.among(tx, []))
            self.assertEqual((self.alice,), revocations.all(tx))

    def test_more_names_than_a_statement_bears(self) -> None:
        """They are asked for some at a time."""
        with self.store.read() as tx:
            many = [f'n{number}' for number in range(40_000)]
            found = revocations.among(tx, [*many, 'alice', 'zoe'])
        self.assertEqual(['alice'], list(found))

    def test_a_name_that_is_checked(self) -> None:
        """The error says since when, and why."""
        with self.store.read() as tx:
            revocations.check(tx, ['bob'])
            error = self.assertRaises(
                exceptions.NameRevoked, revocations.check, tx, ['bob', 'alice']
            )
        self.assertIn("'alice' was revoked 2031-05-04 12:00", str(error))
        self.assertIn('lost', str(error))

    def test_it_is_revoked_again(self) -> None:
        """The first time is on record, with its reason."""
        again = dataclasses.replace(
            self.alice, revoked_at=base.NOON + _DAY, reason='again'
        )
        with self.store.write() as tx:
            self.assertEqual(self.alice, revocations.ban(tx, again))
            self.assertEqual((self.alice,), revocations.all(tx))

    def test_the_ban_is_lifted(self) -> None:
        """The certificates stay revoked; a second time there is none."""
        with self.store.write() as tx:
            revocations.lift(tx, 'alice')
            self.assertEqual((), revocations.all(tx))
            self.assertEqual(
                2, sum(c.revoked_at is not None for c in certificates.all(tx))
            )
            error = self.assertRaises(
                exceptions.NotFound, revocations.lift, tx, 'alice'
            )
        self.assertIn("revoked name 'alice'", str(error))

    def test_what_has_expired(self) -> None:
        """At the very instant, and not before."""
        with self.store.read() as tx:
            self.assertEqual(3, len(certificates.expired(tx, base.NOON)))
            self.assertEqual(
                (), certificates.expired(tx, base.NOON - _DAY / 10**9)
            )
