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


"""Check and rebuild of stores on database servers."""

from tests.functional import databases
from tests.functional import deployment
from tests.functional.store import base
from tests.functional.truth import damage

_KINDS = ('replicate:3', 'arbiter', 'disperse:2+1', 'distribute')


@databases.on_servers
class ServerTestCase(base.StoreTestCase):
    """A database of the server is lost; another one takes its place."""

    def setUp(self) -> None:
        """Have some shares."""
        super().setUp()
        self.d = self.useFixture(
            deployment.Deployment(store_connection=self.url)
        )
        self.d.load()
        for number, kind in enumerate(_KINDS, 1):
            self.d.create(f'share-{number}', number, kind)
        self.d.service.change_access('share-1', add=['zoe', 'alice'])

    def test_the_store_is_lost(self) -> None:
        """It comes back row by row, and life goes on."""
        before = self.d.record()
        self.d.service.store.close()
        self.d.settings = deployment.settings_in(
            self.d.directory, store_connection=self.new_database().url
        )
        self.d.service, self.d.executor = self.d.process()
        truth = self.d.service.truth
        self.assertNotEqual(before, self.d.record())

        truth.rebuild(['gl1'])

        self.assertEqual(before, self.d.record())
        self.assertTrue(truth.check().is_clean)
        self.d.service.change_access('share-1', remove=['zoe'])
        self.d.service.delete_volume('share-2')
        self.d.create('share-5')
        self.assertTrue(truth.check().is_clean)

    def test_a_node_was_damaged(self) -> None:
        """It is mended."""
        damage.unmounted(self.d)
        damage.the_record_is_gone(self.d)
        self.assertTrue(self.d.service.truth.repair().is_clean)
        self.assertEqual((), self.d.service.truth.check().checked)
