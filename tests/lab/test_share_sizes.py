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

"""A share changes its size in use, then goes; and one that has no room."""

import dataclasses
import subprocess
import sys
import time
from typing import ClassVar

from manila_gluster_heketi import model
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.lab import client
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.store import topology
from tests.lab import footprint
from tests.lab import site

# More than quota's soft timeout and the hard one together.
_QUOTA_LOOKS_SECONDS = 5

_PIECE_MEBIBYTES = 50

# Writes and reads without end, as a tenant's program that nobody warned;
# ends well when its standard input does.
_WORK = """
import os, select, sys
rounds = 0
with open('journal', 'w+b', buffering=0) as file:
    while not select.select([sys.stdin], [], [], 0.05)[0]:
        text = b'%d' % rounds
        os.pwrite(file.fileno(), text, 0)
        os.fsync(file.fileno())
        assert os.pread(file.fileno(), 99, 0) == text
        rounds += 1
print(rounds)
"""


class ShareInUseTest(site.SiteCase):
    """alice works on a mount that stays up while her share is resized."""

    def setUp(self) -> None:
        super().setUp()
        self.nodes_before = footprint.look(self.site.lab)
        self.free_before = self.site.free_bytes()
        self.share = self.site.shares.create(2)
        self.addCleanup(self._remove)
        self.site.shares.allow(self.share, 'alice')
        self.volume = self.site.volume(self.share)
        self.alice = self._mounted()
        self.alice.run(
            ['dd', 'if=/dev/urandom', 'of=first', 'bs=1M', 'count=8'],
            check=True,
        )
        self.digest = self._digest()
        self.work = self.alice.start(
            [sys.executable, '-c', _WORK],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _mounted(self) -> client.Client:
        alice = self.site.client(self.share, self.site.identity('alice'))
        self.addCleanup(alice.unmount)
        alice.mount()
        return alice

    def _remove(self) -> None:
        if self.share:
            self.site.shares.delete(self.share)

    def test_it_grows_and_shrinks_and_goes(self) -> None:
        self._grows_within_its_bricks()
        self._grows_in_place()
        self._refuses_to_lose_data()
        self._grows_by_brick_sets()
        rounds, _ = self.work.communicate('', timeout=60)
        self.assertEqual(0, self.work.returncode, rounds)
        self.assertGreater(int(rounds), 10)
        self.assertTrue(self.alice.mounted)
        self._goes()

    def _grows_within_its_bricks(self) -> None:
        bricks = self._bricks()
        self._resize(1)
        self._reserve('big', 900)
        time.sleep(_QUOTA_LOOKS_SECONDS)
        refused = self.alice.run(['fallocate', '-l', '300M', 'more'])
        self.assertIn('Disk quota exceeded', refused.stderr)
        self._resize(2)
        self._reserve('more', 300)
        self.assertEqual(bricks, self._bricks())

    def _grows_in_place(self) -> None:
        bricks = self._bricks()
        addresses = self._info().addresses
        self._resize(3)
        self.assertEqual(addresses, self._info().addresses)
        grown = self._bricks()
        self.assertEqual(bricks.keys(), grown.keys())
        for name, size in grown.items():
            self.assertGreater(size, 3 * GIB)
            self.assertGreater(size, bricks[name])

    def _refuses_to_lose_data(self) -> None:
        self.volume = self.site.volume(self.share)
        nodes = footprint.look(self.site.lab)
        told = len(self.site.shares.messages())
        # Manila asks the driver, and lets the share stay as it was.
        self.site.shares.resize(self.share, 1)
        self.assertEqual(3, self.site.shares.show(self.share)['size'])
        self.assertEqual(told + 1, len(self.site.shares.messages()))
        self.assertIn('refused to shrink', self.site.shares.messages()[0])
        self.assertEqual(self.volume, self.site.volume(self.share))
        self._assert_quota(3)
        after = footprint.look(self.site.lab)
        self.assertEqual(_without_chunks(nodes), _without_chunks(after))

    def _grows_by_brick_sets(self) -> None:
        addresses = self._info().addresses
        self._resize(5)
        grown = self._info().addresses
        self.assertEqual(addresses, grown[: len(addresses)])
        self.assertEqual(6, len(grown))
        question = gluster.rebalance_status(self.volume.name)
        rebalance = gluster_xml.rebalance(
            '', self.site.ask_gluster(question)
        )
        self.assertIn(rebalance.status, ('in progress', 'completed'))
        self._reserve('yet more', 100)

    def _goes(self) -> None:
        self.alice.unmount()
        self.site.shares.delete(self.share)
        self.share = ''
        self.assertEqual(self.nodes_before, footprint.look(self.site.lab))
        self.assertEqual(self.free_before, self.site.free_bytes())
        self.assertIsNone(
            self.site.service.find_volume(self.volume.share_id)
        )
        self.assertEqual((), self.site.service.operations())

    def _resize(self, size: int) -> None:
        self.site.shares.resize(self.share, size)
        self.assertEqual(size, self.site.shares.show(self.share)['size'])
        self._assert_quota(size)
        seen = self.alice.run(['df', '-B1', '--output=size', '.'], check=True)
        self.assertEqual(str(size * GIB), seen.stdout.split()[-1])
        self.assertEqual(self.digest, self._digest())

    def _assert_quota(self, size: int) -> None:
        quota = self.site.quota(self.volume.name)
        self.assertEqual(size * GIB, quota.limit_bytes)

    def _reserve(self, name: str, mebibytes: int) -> None:
        """Take space, and write the first of it."""
        # In pieces: under load bricks were seen to count what is under way
        # twice for a moment, and to refuse 900 MiB of 1,024.
        for begin in range(0, mebibytes, _PIECE_MEBIBYTES):
            piece = min(_PIECE_MEBIBYTES, mebibytes - begin)
            self.alice.run(
                [
                    'fallocate',
                    f'--offset={begin}MiB',
                    f'--length={piece}MiB',
                    name,
                ],
                check=True,
            )
        self.alice.run(
            ['dd', 'conv=notrunc,fsync', f'of={name}'],
            text='something',
            check=True,
        )

    def _digest(self) -> str:
        return self.alice.run(['sha256sum', 'first'], check=True).stdout

    def _info(self) -> gluster_xml.VolumeInfo:
        return self.site.volume_info(self.volume.name)

    def _bricks(self) -> dict[str, int]:
        """Give the sizes of all bricks by node, group and name."""
        return {
            f'{node} {group} {name}': int(size.removesuffix('B'))
            for node, each in footprint.look(self.site.lab).items()
            for group, name, size in map(str.split, each.bricks)
        }


class ShareWithoutPlaceTest(site.SiteCase):
    """A share whose copies must be in three zones, of which one is away."""

    away: ClassVar[str] = 'n3'

    def setUp(self) -> None:
        super().setUp()
        self._set_state(model.EntryState.OFFLINE)
        self.addCleanup(self._set_state, model.EntryState.ONLINE)

    def _set_state(self, state: model.EntryState) -> None:
        host = self.site.lab.node(self.away).address
        with self.site.service.store.write() as tx:
            node = topology.node_by_host(tx, host)
            assert node is not None
            topology.update_node(tx, dataclasses.replace(node, state=state))

    def test_the_reason_is_told_and_nothing_stays(self) -> None:
        nodes = footprint.look(self.site.lab)
        volumes = self.site.service.volumes()
        log = self.site.manila.log.read_text()
        self.site.shares.create_type('apart', spread='zone:strict')
        share = self.site.shares.create(1, 'apart', wanted='error')
        new = self.site.manila.log.read_text()[len(log) :]
        host = self.site.lab.node(self.away).address
        self.assertRegex(new, rf'\[MGH-200\].*not online.*{host}')
        self.assertRegex(new, r'\[MGH-200\].*zone')
        self.site.shares.delete(share)
        self.assertEqual(volumes, self.site.service.volumes())
        self.assertEqual((), self.site.service.operations())
        self.assertEqual(nodes, footprint.look(self.site.lab))


def _without_chunks(
    seen: dict[str, footprint.Footprint],
) -> dict[str, footprint.Footprint]:
    """Leave out what a tenant who writes changes."""
    return {
        name: dataclasses.replace(each, chunks=())
        for name, each in seen.items()
    }
