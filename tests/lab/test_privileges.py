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

"""Who logs in on the nodes; and that calls may be repeated."""

import contextlib
import pathlib
import uuid
from collections.abc import Iterator

import fixtures

from manila_gluster_heketi import exceptions
from manila_gluster_heketi import model
from manila_gluster_heketi.hostcmd.command import Command
from manila_gluster_heketi.layout.base import AccessChange
from manila_gluster_heketi.layout.volume import VolumeLayout
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import GIB
from tests.lab import footprint
from tests.lab import site


class LoginTest(site.SiteCase):
    """Users of the nodes: operator may use sudo there, nosudo may not."""

    def setUp(self) -> None:
        super().setUp()
        self.nodes_before = footprint.look(self.site.lab)

    def settings_for(self, user: str) -> site.Settings:
        """Give the site's settings, but for who logs in."""
        directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        file = directory / 'other.conf'
        chosen = site.options(
            self.site.lab,
            self.site.directory,
            ssh_user=user,
            ssh_sudo='True',
        )
        site.write_options(file, chosen)
        return site.settings(file)

    @contextlib.contextmanager
    def layout_for(self, user: str) -> Iterator[VolumeLayout]:
        """Give what stands behind the driver, logging in as ``user``."""
        layout = VolumeLayout(self.settings_for(user))
        layout.service.prepare()
        yield layout
        layout.service.executor.close()

    def share(self) -> dict[str, object]:
        """Give a share instance as Manila's manager hands it over."""
        return {'id': str(uuid.uuid4()), 'size': 1, 'host': ''}

    def test_operator_does_it_all_as_often_as_asked(self) -> None:
        share = self.share()
        with self.layout_for('operator') as layout:
            [answer] = layout.service.executor.run_batch(
                self.site.lab.nodes[0].address,
                [Command(('printenv', 'SUDO_USER'), reads_only=True)],
            )
            self.assertEqual('operator', answer.stdout.strip())
            # A share that never came to be.
            layout.change_access(share, AccessChange(remove=['alice']))
            layout.delete_share(share)
            made = layout.create_share(share, {})
            self.addCleanup(layout.delete_share, share)
            volume = layout.service.volume(share['id'])
            self.assertEqual(made, layout.create_share(share, {}))
            self.assertEqual(volume, layout.service.volume(share['id']))
            layout.extend_share(share, 2)
            layout.extend_share(share, 2)
            self.assertEqual(
                2 * GIB, self.site.quota(volume.name).limit_bytes
            )
            layout.delete_share(share)
            layout.delete_share(share)
            self.assertEqual(
                self.nodes_before, footprint.look(self.site.lab)
            )
        self._again_as_root(share, volume)

    def _again_as_root(
        self, share: dict[str, object], before: model.Volume
    ) -> None:
        """Make the share once more: its id and its name are free."""
        layout = VolumeLayout(self.site.service.settings)
        self.addCleanup(layout.delete_share, share)
        layout.create_share(share, {})
        volume = self.site.service.volume(str(share['id']))
        self.assertEqual(before.name, volume.name)
        self.assertNotEqual(before.id, volume.id)
        info = self.site.volume_info(volume.name)
        self.assertEqual('Started', info.status)

    def test_who_may_not_use_sudo_changes_nothing(self) -> None:
        service = Service(self.settings_for('nosudo'))
        self.addCleanup(service.executor.close)
        share = self.share()
        error = self.assertRaises(
            exceptions.OperationFailed,
            service.create_volume,
            model.VolumeSpec(
                share_id=str(share['id']), name='refused', size_bytes=GIB
            ),
        )
        refusals = error.fields['errors']
        self.assertTrue(refusals)
        for refusal in refusals:
            self.assertIsInstance(refusal, exceptions.SudoRefused)
            self.assertEqual('nosudo', refusal.fields['user'])
        # Nothing can be undone by who may do nothing: root does it.
        self.site.recover()
        self.assertEqual(self.nodes_before, footprint.look(self.site.lab))
        self.assertIsNone(service.find_volume(str(share['id'])))
