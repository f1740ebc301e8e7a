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

"""A service on a store of its own, with storage hosts in memory."""

import dataclasses
import datetime
import json
import os
import re
from collections.abc import Mapping
from typing import Any

import fixtures
from cryptography import x509
from oslo_config import cfg

from manila_gluster_heketi import durability as durabilities
from manila_gluster_heketi import model
from manila_gluster_heketi import names
from manila_gluster_heketi import spread as spreads
from manila_gluster_heketi.conf import opts
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.executor.simulated import cluster
from manila_gluster_heketi.executor.simulated.host import HostSpec
from manila_gluster_heketi.hostcmd import node_record
from manila_gluster_heketi.service import Service
from manila_gluster_heketi.sizes import GIB
from manila_gluster_heketi.store import certificates
from manila_gluster_heketi.store import journal
from manila_gluster_heketi.store import topology
from manila_gluster_heketi.store import volumes
from manila_gluster_heketi.tls import distribute
from manila_gluster_heketi.tls import issue
from manila_gluster_heketi.tls import reading
from manila_gluster_heketi.tls.ca import Authority
from tests import base
from tests.functional import handshakes
from tests.functional import interference
from tests.functional import migrated

# A store in memory is not slowed down by what else writes to the disk.
_MEMORY = '/dev/shm'
_PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)


def settings_in(directory: str, **values: Any) -> Settings:
    """Make settings whose files are all in a directory.

    :param values: options without their prefix
    """
    config = cfg.ConfigOpts()
    config([], default_config_files=[])
    opts.register_opts(config, 'test')
    chosen = {
        'state_path': directory,
        'store_connection': f'sqlite:///{directory}/store.sqlite',
        **values,
    }
    for name, value in chosen.items():
        config.set_override(f'gluster_heketi_{name}', value, 'test')
    return Settings.from_group(config.test)


def record(service: Service) -> dict[str, Any]:
    """Read what a store says, but for the history."""
    with service.store.read() as tx:
        snapshots = [
            dataclasses.replace(
                topology.snapshot(tx, each.id),
                cluster=dataclasses.replace(
                    each, generation=0, shape_generation=0
                ),
            )
            for each in topology.clusters(tx)
        ]
        found = volumes.volumes(tx)
        return {
            'clusters': snapshots,
            'nodes': topology.nodes(tx),
            'devices': topology.devices(tx),
            'volumes': found,
            'bricks': [volumes.bricks(tx, each.id) for each in found],
            'open': [
                (each.kind, each.state) for each in service.operations()
            ],
        }


def without_growth(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a record what a growth that was given up has reserved."""
    return {
        **found,
        'clusters': [
            dataclasses.replace(
                snapshot,
                devices=tuple(
                    dataclasses.replace(each, used_bytes=0)
                    for each in snapshot.devices
                ),
            )
            for snapshot in found['clusters']
        ],
        'bricks': [
            tuple(dataclasses.replace(each, size_bytes=0) for each in bricks)
            for bricks in found['bricks']
        ],
    }


class Deployment(fixtures.Fixture):
    """Hosts gl1, gl2, ... in zones 1, 2, ... in turn, and a service.

    :ivar cluster: the hosts
    :ivar executor: what the service runs its commands on
    :ivar service: the first process of the control plane
    :ivar bricks_seen: answers its handshakes
    """

    def __init__(
        self,
        nodes: int = 3,
        disks: int = 1,
        zones: int = 3,
        disk_bytes: int = 20 * GIB,
        latency: cluster.Latency | None = None,
        **options: Any,
    ) -> None:
        self.hosts = [f'gl{number}' for number in range(1, nodes + 1)]
        self.disks = [f'/dev/vd{chr(98 + n)}' for n in range(disks)]
        self.zones = zones
        self.options = options
        self.cluster = cluster.SimulatedCluster(
            (
                HostSpec(
                    name,
                    self.storage(name),
                    dict.fromkeys(self.disks, disk_bytes),
                )
                for name in self.hosts
            ),
            latency,
        )

    def _setUp(self) -> None:
        root = _MEMORY if os.access(_MEMORY, os.W_OK) else None
        self.directory = self.useFixture(fixtures.TempDir(root)).path
        self.bricks_seen = handshakes.Bricks(self.cluster, self.hosts)
        self.settings = settings_in(self.directory, **self.options)
        if 'store_connection' not in self.options:
            migrated.put(f'{self.directory}/store.sqlite')
        self.service, self.executor = self.process()

    def process(self) -> tuple[Service, interference.Interference]:
        """Start another process of the control plane on the same store."""
        executor = interference.Interference(self.cluster)
        service = Service(self.settings, executor=executor)
        # Time passes at once, and on the hosts alone.
        service.engine.site = dataclasses.replace(
            service.engine.site,
            sleep=self.cluster.advance,
            handshake=self.bricks_seen,
        )
        service.prepare()
        self.addCleanup(service.store.close)
        return service, executor

    # --- topology ---------------------------------------------------------

    @staticmethod
    def storage(host: str) -> str:
        """Give the address that peers know a host by."""
        return f'10.0.0.{host.removeprefix("gl")}'

    def zone(self, host: str) -> int:
        """Say which zone a host is in."""
        return self.hosts.index(host) % self.zones + 1

    def node(self, host: str, **changes: Any) -> dict[str, Any]:
        """Describe a node as a topology document does.

        :param changes: other keys of "node", or "devices"
        """
        devices = changes.pop('devices', self.disks)
        return {
            'node': {
                'hostnames': {
                    'manage': [host],
                    'storage': [self.storage(host)],
                },
                'zone': self.zone(host),
                **changes,
            },
            'devices': list(devices),
        }

    def document(self, *hosts: str, name: str = 'c1') -> dict[str, Any]:
        """Describe a cluster of these hosts, or of all."""
        return {
            'clusters': [
                {
                    'name': name,
                    'nodes': [self.node(h) for h in hosts or self.hosts],
                }
            ]
        }

    def load(self, document: Mapping[str, Any] | None = None) -> Any:
        """Load a document, or the one with all hosts."""
        return self.load_in(self.service, document or self.document())

    @staticmethod
    def load_in(service: Service, document: Mapping[str, Any]) -> Any:
        """Load a document in any process."""
        return service.load_topology(json.dumps(document))

    # --- shares -----------------------------------------------------------

    @staticmethod
    def spec(
        share_id: str = 'share-1',
        gigabytes: int = 2,
        durability: str = 'replicate:3',
        spread: str = 'zone:prefer',
        **more: Any,
    ) -> model.VolumeSpec:
        """Say what a share asks for."""
        return model.VolumeSpec(
            share_id=share_id,
            name=f'manila-{share_id}',
            size_bytes=gigabytes * GIB,
            durability=durabilities.parse(durability),
            spread=spreads.parse(spread),
            **more,
        )

    def create(self, *args: Any, **kwargs: Any) -> model.Volume:
        """Create the volume of a share."""
        return self.service.create_volume(self.spec(*args, **kwargs))

    def bricks(self, volume: model.Volume) -> tuple[model.Brick, ...]:
        """Read the bricks of a volume from the store."""
        with self.service.store.read() as tx:
            return volumes.bricks(tx, volume.id)

    def gluster(self, volume: model.Volume) -> Any:
        """Give the volume as Gluster has it."""
        return self.cluster.volume(self.member(volume.cluster_id), volume.name)

    def member(self, cluster_id: str) -> str:
        """Name a host of a cluster."""
        with self.service.store.read() as tx:
            return topology.nodes(tx, cluster_id)[0].manage_host

    # --- certificates -----------------------------------------------------

    def certificate(self, host: str) -> x509.Certificate:
        """Read the certificate that a node has."""
        there = self.cluster.host(host)
        path = f'{there.tls_directory}/{issue.CERTIFICATE_FILE}'
        found, *_ = reading.certificates(there.space.root.files[path].content)
        return found

    def trusted(self, host: str) -> str:
        """Read the authorities that a node trusts."""
        there = self.cluster.host(host)
        path = f'{there.tls_directory}/{issue.AUTHORITY_FILE}'
        return there.space.root.files[path].content

    def serials(self) -> dict[str, str]:
        """Read the serial numbers of all nodes' certificates."""
        return {h: reading.serial_of(self.certificate(h)) for h in self.hosts}

    def age_certificate(self, host: str, days: int = 10) -> None:
        """Give a node a certificate that ends soon, and record it."""
        node = self.service.hardware.node(host)
        bundle = issue.issue_node(
            Authority.load(self.settings.ca_directory), node.cluster_id, days
        )
        self.cluster.run_batch(
            host, distribute.deploy_commands(bundle, node.tls_directory)
        )
        self.service.store.transact(
            lambda tx: certificates.add(
                tx, reading.of_node(bundle.record, node.id)
            )
        )

    # --- crashes ----------------------------------------------------------

    def expire_leases(self) -> None:
        """Let the time pass after which others take operations over."""
        with self.service.store.write() as tx:
            for each in journal.operations(tx):
                journal.renew_lease(tx, each.id, each.owner, _PAST)

    # --- the world --------------------------------------------------------

    def world(self) -> dict[str, Any]:
        """Look at everything that a change could leave behind."""
        return {'record': self.record(), **self.on_hosts()}

    def record(self) -> dict[str, Any]:
        """Read what the store says, but for the history."""
        return record(self.service)

    def on_hosts(self) -> dict[str, Any]:
        """Look at groups, volumes, mounts, fstab, files, peers, Gluster."""
        return {name: self._host(name) for name in self.hosts}

    def _host(self, name: str) -> dict[str, Any]:
        host = self.cluster.host(name)
        root = host.space.root
        return {
            'volumes': {
                volume.path: volume.size_bytes
                for group in host.disks.groups.values()
                for volume in group.volumes.values()
            },
            'groups': sorted(host.disks.groups),
            'signatures': {
                path: tuple(device.signatures)
                for path, device in host.disks.devices.items()
            },
            'mounts': sorted(host.space.mounts),
            'fstab': root.files[names.FSTAB].content,
            'directories': sorted(
                each for each in root.directories if 'brick_' in each
            ),
            'files': sorted(
                (path, file.content)
                for path, file in root.files.items()
                if re.search(
                    r'glusterfs\.(pem|key|ca)$|glusterd\.vol|node\.json$', path
                )
            ),
            'gluster': {
                each: (
                    tuple(self.cluster.volume(name, each).addresses),
                    self.cluster.volume(name, each).status,
                    self.cluster.volume(name, each).quota_bytes,
                    dict(self.cluster.volume(name, each).options),
                )
                for each in self.cluster.volume_names(name)
            },
        }

    def node_record(self, host: str) -> node_record.NodeRecord:
        """Read the record that a node has of itself."""
        files = self.cluster.host(host).space.root.files
        return node_record.parse(files[names.NODE_RECORD].content)

    def write(self, name: str, text: str) -> str:
        """Write a file into the directory; give its path."""
        path = os.path.join(self.directory, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        return path


class DeployedTestCase(base.TestCase):
    """A test that begins with a deployment."""

    def deploy(self, *, load: bool = True, **kwargs: Any) -> Deployment:
        """Set hosts and a service up.

        :param load: with a cluster of all the hosts
        """
        made: Deployment = self.useFixture(Deployment(**kwargs))
        if load:
            made.load()
        return made
