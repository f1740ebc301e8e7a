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

"""Tests of the rights to a certificate that are on record."""

import dataclasses
import datetime

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import enrolments
from tests.functional import databases
from tests.functional.store import base

_HOUR = datetime.timedelta(hours=1)


@databases.on_each_engine
class EnrolmentTestCase(base.StoreTestCase):
    """Two of alice on different shares, and one of bob."""

    def setUp(self) -> None:
        """Fill the store."""
        super().setUp()
        self.alice = self.made('1', 'share-1', 'alice', 'rule-1')
        self.other = self.made('2', 'share-2', 'alice', 'rule-2')
        self.bob = self.made('3', 'share-1', 'bob', 'rule-3')
        with self.store.write() as tx:
            for each in (self.bob, self.other, self.alice):
                enrolments.add(tx, each)

    def made(
        self, identity: str, share: str, name: str, rule: str
    ) -> model.Enrolment:
        """Make one."""
        return model.Enrolment(
            id=identity * 32,
            share_id=share,
            common_name=name,
            rule_id=rule,
            issued_at=base.NOON + int(identity) * _HOUR,
            expires_at=base.NOON + 24 * _HOUR,
        )

    def on_record(self) -> tuple[model.Enrolment, ...]:
        """Read all."""
        with self.store.read() as tx:
            return enrolments.all(tx)

    def test_what_is_on_record(self) -> None:
        """The oldest comes first."""
        self.assertEqual((self.alice, self.other, self.bob), self.on_record())
        with self.store.read() as tx:
            self.assertEqual(self.bob, enrolments.find(tx, '3' * 32))
            self.assertIsNone(enrolments.find(tx, '4' * 32))
            self.assertEqual(
                (self.alice, self.bob), enrolments.standing(tx, 'share-1')
            )

    def test_an_identity_is_taken(self) -> None:
        """It is random, so that this is another's token."""
        with self.store.write() as tx:
            self.assertRaises(
                exceptions.Conflict, enrolments.add, tx, self.alice
            )

    def test_one_is_used(self) -> None:
        """It stands, with what it was used for; no other is changed."""
        with self.store.write() as tx:
            enrolments.take(tx, self.alice.id, base.NOON, 'a0', 'f' * 64)
        used = dataclasses.replace(
            self.alice, used_at=base.NOON, serial='a0', key_digest='f' * 64
        )
        self.assertEqual((used, self.other, self.bob), self.on_record())

    def test_one_is_withdrawn(self) -> None:
        """The first time is on record; then it stands no more."""
        with self.store.write() as tx:
            enrolments.void(tx, self.alice.id, base.NOON)
            enrolments.void(tx, self.alice.id, base.NOON + _HOUR)
        void = dataclasses.replace(self.alice, voided_at=base.NOON)
        self.assertEqual((void, self.other, self.bob), self.on_record())
        with self.store.read() as tx:
            self.assertEqual((self.bob,), enrolments.standing(tx, 'share-1'))

    def test_those_of_names_that_are_not_wanted(self) -> None:
        """Of one share alone."""
        with self.store.read() as tx:
            self.assertEqual(
                (self.alice,),
                enrolments.standing_beside(tx, 'share-1', ['bob']),
            )
            self.assertEqual(
                (self.alice, self.bob),
                enrolments.standing_beside(tx, 'share-1', ['Bob']),
            )

    def test_a_name_is_withdrawn(self) -> None:
        """On every share."""
        with self.store.write() as tx:
            self.assertEqual(2, enrolments.void_name(tx, 'alice', base.NOON))
            self.assertEqual(0, enrolments.void_name(tx, 'alice', base.NOON))
        self.assertEqual(
            [base.NOON, base.NOON, None],
            [each.voided_at for each in self.on_record()],
        )

    def test_what_is_forgotten(self) -> None:
        """What was withdrawn and has expired, and nothing else."""
        with self.store.write() as tx:
            enrolments.void(tx, self.alice.id, base.NOON)
            enrolments.forget(tx, self.alice.expires_at - _HOUR)
        self.assertEqual(3, len(self.on_record()))
        with self.store.write() as tx:
            enrolments.forget(tx, self.alice.expires_at)
        self.assertEqual((self.other, self.bob), self.on_record())
