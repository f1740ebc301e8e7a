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

"""Shares with an arbiter, and with an erasure code."""

import time

import ddt

from manila_gluster_heketi.lab import client
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.sizes import MIB
from tests.lab import footprint
from tests.lab import site

# More than quota's soft timeout and the hard one together.
_QUOTA_LOOKS_SECONDS = 5
# What of a share's size may be missing to its tenant.
_TOLERANCE_BYTES = 2 * MIB


@ddt.ddt
class DurabilityTest(site.SiteCase):
    """alice uses one share of each kind to its end."""

    def setUp(self) -> None:
        super().setUp()
        self.nodes_before = footprint.look(self.site.lab)
        self.free_before = self.site.free_bytes()
        self.share = ''
        self.addCleanup(self._remove)

    def _remove(self) -> None:
        if self.share:
            self.site.shares.delete(self.share)

    @ddt.data(
        ('arbiter', 'Replicate', (3, 1, 0, 0)),
        ('disperse:2+1', 'Disperse', (1, 0, 3, 1)),
    )
    @ddt.unpack
    def test_life(
        self, durability: str, kind: str, counts: tuple[int, ...]
    ) -> None:
        """Created, filled, refused, extended in place, filled and deleted."""
        share_type = durability.partition(':')[0]
        self.site.shares.create_type(share_type, durability=durability)
        self.share = self.site.shares.create(1, share_type)
        self.site.shares.allow(self.share, 'alice')
        volume = self.site.volume(self.share)
        info = self.site.volume_info(volume.name)
        self.assertEqual(kind, info.kind)
        self.assertEqual(
            counts,
            (info.replica, info.arbiter, info.disperse, info.redundancy),
        )

        alice = self.site.client(self.share, self.site.identity('alice'))
        self.addCleanup(alice.unmount)
        alice.mount()
        self._fill(alice, 'first', GIB - _TOLERANCE_BYTES)
        self._assert_full(alice)
        self.site.shares.resize(self.share, 2)
        self.assertEqual(
            info.addresses, self.site.volume_info(volume.name).addresses
        )
        self._fill(alice, 'second', GIB - _TOLERANCE_BYTES)
        self._assert_full(alice)

        alice.unmount()
        self.site.shares.delete(self.share)
        self.share = ''
        self.assertEqual((), self.site.service.operations())
        self.assertEqual(self.free_before, self.site.free_bytes())
        self.assertEqual(self.nodes_before, footprint.look(self.site.lab))

    def _fill(self, alice: client.Client, name: str, size: int) -> None:
        """Write the end; before it space is reserved, which counts the same.

        :param size: in bytes
        """
        written = 16 * MIB
        alice.run(['fallocate', '-l', str(size - written), name], check=True)
        alice.run(
            [
                'dd',
                'if=/dev/urandom',
                f'of={name}',
                'bs=1M',
                'count=16',
                'conv=notrunc,fsync',
                'oflag=append',
            ],
            check=True,
        )

    def _assert_full(self, alice: client.Client) -> None:
        time.sleep(_QUOTA_LOOKS_SECONDS)
        refused = alice.run(['fallocate', '-l', '64M', 'too-much'])
        self.assertIn('Disk quota exceeded', refused.stderr)
