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

"""Tests of the certificates on record."""

import dataclasses
import datetime

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.store import certificates
from tests.functional import databases
from tests.functional.store import base


@databases.on_each_engine
class CertificateTestCase(base.StoreTestCase):
    """A node's certificate, renewed once, and a client's."""

    def setUp(self) -> None:
        """Fill the store."""
        super().setUp()
        day = datetime.timedelta(days=1)
        self.old = model.Certificate(
            serial='a' * 40,
            common_name='node',
            kind='node',
            not_after=base.NOON,
            subject_id=model.new_id(),
        )
        self.new = dataclasses.replace(
            self.old, serial='0a', not_after=base.NOON + 2 * day
        )
        self.client = model.Certificate(
            serial='7',
            common_name='alice',
            kind='client',
            not_after=base.NOON + day,
        )
        with self.store.write() as tx:
            for each in (self.new, self.client, self.old):
                certificates.add(tx, each)

    def test_all(self) -> None:
        """The first to expire comes first."""
        with self.store.read() as tx:
            self.assertEqual(
                (self.old, self.client, self.new), certificates.all(tx)
            )

    def test_certificates_of_one_name(self) -> None:
        """Renewed ones too."""
        with self.store.read() as tx:
            self.assertEqual(
                (self.old, self.new), certificates.by_common_name(tx, 'node')
            )
            self.assertEqual((), certificates.by_common_name(tx, 'bob'))

    def test_serial_number_is_taken(self) -> None:
        """An authority never gives one twice."""
        with self.store.write() as tx:
            error = self.assertRaises(
                exceptions.Conflict, certificates.add, tx, self.client
            )
        self.assertEqual('7', error.fields['identity'])
