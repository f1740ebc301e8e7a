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


"""``gluster-heketi db rebuild``: a lost store, restored from the nodes."""

import argparse
from collections.abc import Iterable
from collections.abc import Iterator

from cliff import lister

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.cli.exit_codes import ExitCode
from manila_gluster_heketi.operations.truth.findings import Finding
from manila_gluster_heketi.operations.truth.rebuild import Rebuilt
from manila_gluster_heketi.service import Service


class Rebuild(lister.Lister):
    """Restore an empty store from what the nodes say.

    Clusters, nodes, devices, volumes and bricks come back as they were, with
    the same ids. The history of operations and the list of certificates that
    were issued do not. Stop what uses the store first.

    Problems go to standard error; with any the exit status is 6 and nothing
    is written, unless --leave-out is given. So do devices that are restored
    offline, since they hold what is not on record.
    """

    _status = ExitCode.OK

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the nodes and how to go on."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--hosts',
            metavar='HOST[,HOST...]',
            required=True,
            help='nodes as SSH reaches them, one of each cluster at least; '
            'the others are found through Gluster, at their storage '
            'addresses. Name those too that SSH does not reach there',
        )
        parser.add_argument(
            '--dry-run',
            action='store_true',
            help='list what would be written, and write nothing',
        )
        parser.add_argument(
            '--leave-out',
            action='store_true',
            help='restore the rest if there are problems: without what they '
            'are about, and without the volumes that have a brick there',
        )
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run, and tell by the exit status whether there are problems."""
        return super().run(parsed_args) or self._status

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], Iterable[tuple[str, ...]]]:
        """List one row for each row of the store."""
        service = configured.service_for(self.app)
        rebuilt = self._rebuilt(service, parsed_args)
        return ('Kind', 'Id', 'Name', 'Detail'), _rows(rebuilt)

    def _rebuilt(
        self, service: Service, parsed_args: argparse.Namespace
    ) -> Rebuilt:
        hosts = [each for each in parsed_args.hosts.split(',') if each]
        if parsed_args.dry_run:
            rebuilt = service.truth.plan_rebuild(hosts)
            self._tell((*rebuilt.problems, *rebuilt.offline))
            if rebuilt.problems and not parsed_args.leave_out:
                self._status = ExitCode.FINDINGS
            return rebuilt
        try:
            rebuilt = service.truth.rebuild(
                hosts, leave_out=parsed_args.leave_out
            )
        except exceptions.RebuildRefused as refusal:
            self._tell(refusal.fields['rebuilt'].problems)
            raise
        self._tell((*rebuilt.problems, *rebuilt.offline))
        return rebuilt

    def _tell(self, problems: Iterable[Finding]) -> None:
        for each in problems:
            self.app.stderr.write(f'gluster-heketi: {each}\n')


def _rows(rebuilt: Rebuilt) -> Iterator[tuple[str, ...]]:
    hosts = {node.id: node.manage_host for node in rebuilt.nodes}
    homes = {device.id: hosts[device.node_id] for device in rebuilt.devices}
    for cluster in rebuilt.clusters:
        yield ('cluster', cluster.id, cluster.name, '')
    for node in rebuilt.nodes:
        yield ('node', node.id, node.manage_host, f'zone {node.zone}')
    for device in rebuilt.devices:
        yield ('device', device.id, device.path, hosts[device.node_id])
    for volume in rebuilt.volumes:
        detail = (
            f'share {volume.share_id}, {volume.size_bytes} bytes, '
            f'{volume.durability}'
        )
        yield ('volume', volume.id, volume.name, detail)
    for brick in rebuilt.bricks:
        yield ('brick', brick.id, brick.brick_path, homes[brick.device_id])
