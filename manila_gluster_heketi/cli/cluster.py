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

"""``gluster-heketi cluster``: what is switched for all of its nodes."""

import argparse

from cliff import show

from manila_gluster_heketi import names
from manila_gluster_heketi.cli import configured

_WORDS = ('off', 'on')


class SecureAccess(show.ShowOne):
    """Switch management encryption of a cluster on or off, or show it.

    With it nobody without a certificate of our authority gets anything from
    port 24007 of a node. glusterd is restarted on all nodes at once, and all
    that clients have mounted is lost to them for good: they have to mount
    anew, with a file of their own (or, after it was switched off, without
    it). If a node fails meanwhile, all are put back as they were.

    Where it is so already, nothing is done, but a node that has lost its file
    gets it again.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for cluster and state."""
        parser = super().get_parser(prog_name)
        parser.add_argument('cluster', help='its name')
        parser.add_argument(
            'state',
            nargs='?',
            choices=('on', 'off'),
            help='without it nothing is changed',
        )
        parser.add_argument(
            '--interrupt-mounts',
            action='store_true',
            help='do it although every client has to mount anew',
        )
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[object, ...]]:
        """Do it, and show what the cluster has now."""
        service = configured.service_for(self.app)
        changed: tuple[str, ...] = ()
        if parsed_args.state:
            changed = service.secure_access.switch(
                parsed_args.cluster,
                parsed_args.state == 'on',
                interrupt_mounts=parsed_args.interrupt_mounts,
            )
            self._tell(parsed_args.state, changed)
        cluster = service.cluster_named(parsed_args.cluster)
        return (
            ('Cluster', 'Secure Access', 'Changed Nodes'),
            (
                cluster.name,
                _WORDS[cluster.secure_access],
                ', '.join(changed),
            ),
        )

    def _tell(self, state: str, changed: tuple[str, ...]) -> None:
        """Say what comes next, beside what is shown."""
        text = f'it was {state} already; nothing was changed'
        if changed:
            needs = 'needs' if state == 'on' else 'must not have'
            text = f'each client {needs} the file {names.SECURE_ACCESS} now'
        self.app.stderr.write(f'gluster-heketi: {text}\n')
