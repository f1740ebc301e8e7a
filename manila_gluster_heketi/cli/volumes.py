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

"""``gluster-heketi volume``: what shares are made of."""

import argparse

from cliff import lister
from cliff import show

from manila_gluster_heketi.cli import configured
from manila_gluster_heketi.cli import sizes_shown


class List(lister.Lister):
    """List the volumes; condemned ones wait for a host to come back."""

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """List one row for each volume."""
        service = configured.service_for(self.app)
        shown = sizes_shown.for_formatter(parsed_args.formatter)
        return (
            ('Name', 'Share', 'Size', 'Capacity', 'Durability', 'State'),
            [
                (
                    v.name,
                    v.share_id,
                    shown(v.size_bytes),
                    shown(v.capacity_bytes),
                    str(v.durability),
                    str(v.state),
                )
                for v in service.volumes()
            ],
        )


class Show(show.ShowOne):
    """Show the volume of a share, with its bricks and who may mount it."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Ask for the share."""
        parser = super().get_parser(prog_name)
        parser.add_argument('share', help='id of the share instance')
        return parser

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], tuple[object, ...]]:
        """Show it."""
        service = configured.service_for(self.app)
        shown = sizes_shown.for_formatter(parsed_args.formatter)
        volume = service.volume(parsed_args.share)
        return (
            (
                'Name',
                'Id',
                'Size',
                'Capacity',
                'Durability',
                'Zone Spread',
                'State',
                'Access',
                'Bricks',
            ),
            (
                volume.name,
                volume.id,
                shown(volume.size_bytes),
                shown(volume.capacity_bytes),
                str(volume.durability),
                str(volume.spread),
                str(volume.state),
                '\n'.join(volume.access),
                '\n'.join(service.bricks(volume)),
            ),
        )
