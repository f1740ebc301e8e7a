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

"""Tests of what is told of an authority."""

import datetime
import os

import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.tls import ca
from manila_gluster_heketi.tls import description
from manila_gluster_heketi.tls import keys
from manila_gluster_heketi.tls import keystore
from manila_gluster_heketi.tls import places
from tests import base
from tests.unit.tls import operators


class DescriptionTestCase(base.TestCase):
    """An authority in a directory."""

    def setUp(self) -> None:
        """Choose one."""
        super().setUp()
        self.place = places.Directory(self.useFixture(fixtures.TempDir()).path)

    def test_authority_with_others_above_it(self) -> None:
        """They are named, the root last."""
        root = operators.make()
        own = root.below('own')
        self.place.create(
            keystore.Pair(own.pem + root.pem, keys.pem(own.key))
        )
        found = description.describe(self.place)
        self.assertEqual('CN=own,O=Operator', found.subject)
        self.assertEqual(('CN=root,O=Operator',), found.above)
        self.assertFalse(found.is_encrypted)

    def test_authority_that_has_expired(self) -> None:
        """That is when one wants to look at it."""
        own = operators.make(end=-datetime.timedelta(days=1))
        self.place.create(keystore.Pair(own.pem, keys.pem(own.key)))
        self.assertRaises(
            exceptions.TlsError, ca.Authority.load, self.place
        )
        found = description.describe(self.place)
        self.assertEqual(own.certificate.not_valid_after_utc, found.not_after)
        self.assertEqual((), found.above)

    def test_passphrase_is_not_needed(self) -> None:
        """Nor is the key opened."""
        made = ca.Authority.load_or_create(self.place, lambda: b'x')
        found = description.describe(self.place)
        self.assertTrue(found.is_encrypted)
        self.assertEqual(made.fingerprint, found.fingerprint)
        self.assertEqual('ec-p256', found.key_type)

    def test_certificate_that_is_spoilt(self) -> None:
        """It is said of which place."""
        ca.Authority.load_or_create(self.place)
        path = os.path.join(self.place.name, 'ca.pem')
        with open(path, 'w', encoding='ascii') as stream:
            stream.write('x')
        error = self.assertRaises(
            exceptions.TlsError, description.describe, self.place
        )
        self.assertEqual(self.place.name, error.fields['path'])
