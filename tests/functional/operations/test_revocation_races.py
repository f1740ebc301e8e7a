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

"""A name is revoked while others use it, on each database."""

from collections.abc import Callable

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.service import Service
from tests.functional import databases
from tests.functional import deployment
from tests.functional.store import base

_SHARES = ('share-1', 'share-2')
_ROUNDS = 6


@databases.on_each_engine
class RaceTestCase(base.StoreTestCase):
    """Two processes issue certificates, set rules, and revoke."""

    def setUp(self) -> None:
        """Have two shares."""
        super().setUp()
        self.d = self.useFixture(
            deployment.Deployment(store_connection=self.url)
        )
        self.d.load()
        for share in _SHARES:
            self.d.create(share)
        self.other, _ = self.d.process()

    def test_nothing_slips_through(self) -> None:
        """Whoever comes first: in the end the name has nothing."""
        refused = 0
        for number in range(_ROUNDS):
            name = f'tenant-{number}'
            calls: list[Callable[[], object]] = []
            for service in (self.d.service, self.other):
                calls += self._uses(service, name)
            found = self.all_at_once(calls)
            for each in found:
                if isinstance(each, Exception):
                    self.assertIsInstance(each, exceptions.NameRevoked)
                    refused += 1
            self._check(name)
        # Or else nothing has met here.
        self.assertGreater(refused, 0)

    @staticmethod
    def _uses(service: Service, name: str) -> list[Callable[[], object]]:
        return [
            lambda: service.revocation.revoke(name),
            lambda: service.clients.issue(name),
            lambda: service.clients.issue(name),
            *(
                lambda share=share: service.change_access(share, add=[name])
                for share in _SHARES
            ),
        ]

    def _check(self, name: str) -> None:
        for each in self.other.clients.certificates(name):
            self.assertIsNotNone(each.revoked_at, name)
        for share in _SHARES:
            volume = self.other.volume(share)
            self.assertNotIn(name, volume.access)
            value = self.d.gluster(volume).options['auth.ssl-allow']
            self.assertNotIn(name, value.split(','))
        self.assertEqual((), self.other.operations())
