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


"""The store is lost, or somebody changed a node by hand."""

import concurrent.futures
import dataclasses
import json
import pathlib
import shlex
import uuid
from collections.abc import Sequence
from typing import Any

from manila_gluster_heketi import durability
from manila_gluster_heketi import model
from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.hostcmd import gluster
from manila_gluster_heketi.hostcmd import gluster_xml
from manila_gluster_heketi.sizes import MIB
from manila_gluster_heketi.store import certificates
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.tls import issue
from tests.lab import footprint
from tests.lab import site
from tests.lab.shares import until

# Shares that Manila does not know, beside one that it does: small, so that
# all of them fit into the lab.
_KINDS = (
    'replicate:3',
    'arbiter',
    'disperse:2+1',
    'replicate:2',
    'distribute',
)
_SHARE_BYTES = 400 * MIB
_AT_ONCE = 5
# A brick that is started says so after a moment.
_START_SECONDS = 60

# What happens to a brick behind everybody's back. Its process has its path
# among the arguments; so has this script, which must not kill itself.
_DAMAGE = """
set -e
path={path}
for process in $(pgrep -x glusterfsd); do
    if grep -qF -- "$path" "/proc/$process/cmdline"; then
        kill "$process"
    fi
done
for second in 1 2 3 4 5; do
    umount "$path" && break
    sleep 1
done
awk -v at="$path" '$2 != at' /etc/fstab >/etc/fstab.damaged
mv /etc/fstab.damaged /etc/fstab
lvchange -qq --deltag {tag} {volume}
rm /var/lib/gluster-heketi/node.json
"""


class LostStoreTest(site.SiteCase):
    """The nodes know all that the store knew."""

    def setUp(self) -> None:
        super().setUp()
        self.nodes_before = footprint.look(self.site.lab)
        self.addCleanup(self._everything_is_as_before)
        self.made: list[str] = []
        self.addCleanup(self._delete_all)

    def _everything_is_as_before(self) -> None:
        """The last of all cleanups: nothing of anything stays anywhere."""
        self.assertEqual(self.nodes_before, footprint.look(self.site.lab))

    def _look(self) -> dict[str, footprint.Footprint]:
        """See what is on the nodes, but for what XFS writes by itself."""
        return {
            name: dataclasses.replace(seen, chunks=())
            for name, seen in footprint.look(self.site.lab).items()
        }

    def _create(self, kind: str) -> model.Volume:
        share = str(uuid.uuid4())
        volume = self.site.service.create_volume(
            model.VolumeSpec(
                share_id=share,
                name=f'share-{share}',
                size_bytes=_SHARE_BYTES,
                durability=durability.parse(kind),
            )
        )
        self.made.append(share)
        return volume

    def _create_all(self, kinds: Sequence[str]) -> None:
        with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(self._create, kinds))

    def _delete_all(self) -> None:
        delete = self.site.service.delete_volume
        with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(delete, self.made))

    def _record(self) -> dict[str, Any]:
        """Read all that can be restored."""
        with self.site.service.store.read() as tx:
            found = volumes.volumes(tx)
            return {
                'clusters': [(c.id, c.name) for c in topology.clusters(tx)],
                'nodes': topology.nodes(tx),
                'devices': topology.devices(tx),
                'volumes': found,
                'bricks': [volumes.bricks(tx, each.id) for each in found],
            }

    def _lose(self) -> None:
        """Delete the database; nobody uses it now."""
        self.site.service.store.close()
        state = pathlib.Path(self.site.service.settings.state_path)
        files = list(state.glob('store.sqlite*'))
        self.assertTrue(files)
        for each in files:
            each.unlink()

    def test_the_store_is_lost(self) -> None:
        """Rebuilt by the command line, row by row; Manila goes on."""
        shares = self.site.shares
        share = shares.create(1)
        self.addCleanup(shares.delete, share)
        rule = shares.allow(share, 'alice')
        self._create_all(2 * _KINDS)
        before, nodes = self._record(), self._look()
        issued = self._issued()
        self.addCleanup(self.site.start_manila)
        self.site.stop_manila()
        self._lose()

        first = self.site.lab.nodes[0].address
        done = self.site.run('db', 'rebuild', '--hosts', first, '-f', 'json')

        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(before, self._record())
        self.assertEqual(nodes, self._look())
        self._record_certificates()
        self.assertEqual(issued, self._issued())
        self._assert_clean()
        self.site.start_manila()
        shares.resize(share, 2)
        shares.allow(share, 'bob')
        shares.deny(share, rule)
        shares.delete(shares.create(1))
        self._assert_clean()

    def _issued(self) -> list[tuple[str, str]]:
        """List the certificates of nodes that are on record."""
        with self.site.service.store.read() as tx:
            return sorted(
                (each.subject_id, each.serial)
                for each in certificates.all(tx)
                if each.kind == issue.Kind.NODE.value
            )

    def _record_certificates(self) -> None:
        """Have what nodes have put on record, which a rebuild does not do."""
        done = self.site.run('check', '--repair', '-f', 'json')
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(
            [('MGH-C508', 'mended')] * len(self.site.service.nodes()),
            [
                (row['Code'], row['Outcome'])
                for row in json.loads(done.stdout)
            ],
        )

    def _assert_clean(self) -> None:
        done = self.site.run('check', '-f', 'json')
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertEqual([], json.loads(done.stdout))

    def test_a_brick_was_damaged(self) -> None:
        """It is found, mended, and nothing else is changed."""
        volume = self._create('replicate:3')
        self._assert_clean()
        before = self._look()
        brick, host = self._brick_of(volume)
        script = _DAMAGE.format(
            path=shlex.quote(brick.mount_path),
            tag=f'gluster-heketi.set.{brick.set_index}',
            volume=f'{brick.vg_name}/{brick.lv_name}',
        )
        [name] = [n.name for n in self.site.lab.nodes if n.address == host]
        footprint.answer(self.site.lab, name, script)

        done = self.site.run('check', '-f', 'json')

        codes = ['MGH-C103', 'MGH-C302', 'MGH-C304', 'MGH-C306']
        self.assertEqual(ExitCode.FINDINGS, done.returncode, done.stderr)
        self.assertEqual(
            codes, [row['Code'] for row in json.loads(done.stdout)]
        )
        done = self.site.run('check', '--repair', '-f', 'json')
        self.assertEqual(
            [(code, 'mended') for code in codes],
            [
                (row['Code'], row['Outcome'])
                for row in json.loads(done.stdout)
            ],
        )
        self.assertEqual(0, done.returncode, done.stderr)
        self._assert_clean()
        self.assertEqual(before, self._look())
        until(
            lambda: self._online(volume.name),
            lambda online: len(online) == 3,
            seconds=_START_SECONDS,
        )

    def _brick_of(self, volume: model.Volume) -> tuple[model.Brick, str]:
        with self.site.service.store.read() as tx:
            brick = volumes.bricks(tx, volume.id)[0]
            device = topology.device(tx, brick.device_id)
            return brick, topology.node(tx, device.node_id).manage_host

    def _online(self, name: str) -> frozenset[str]:
        answer = self.site.ask_gluster(gluster.volume_status(name))
        return gluster_xml.bricks_online('', answer)
