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

"""Options that say what kind of volumes a question is about."""

import argparse
import dataclasses

from manila_gluster_heketi import allocator
from manila_gluster_heketi import sizes
from manila_gluster_heketi.cli import sizes_read
from manila_gluster_heketi.conf import choices


def add_kind(parser: argparse.ArgumentParser) -> None:
    """Ask for what differs from the configuration's kind of volume."""
    parser.add_argument(
        '--durability',
        metavar='D',
        help='such as replicate:3, arbiter or disperse:4+2; '
        "this and the next: the configuration's unless given",
    )
    parser.add_argument(
        '--spread', metavar='S', help='such as zone:strict,rack:prefer'
    )
    parser.add_argument(
        '--tags',
        metavar='EXPRESSION',
        help="which devices, such as 'disk = ssd'; '' for all",
    )


def add_to(parser: argparse.ArgumentParser) -> None:
    """Ask for the cluster, and for what differs from the configuration."""
    parser.add_argument(
        '--cluster',
        metavar='NAME',
        default='',
        help='this cluster alone; default: those that the configuration has',
    )
    add_kind(parser)
    parser.add_argument(
        '--average-file-size',
        metavar='SIZE',
        help='what files hold on average, which sizes arbiters; a plain '
        'number is in KiB',
    )


def kind(
    given: argparse.Namespace, default: allocator.Request
) -> allocator.Request:
    """Read what was given; the rest is the default's.

    :raises InvalidInput: a value can't be read
    """
    found = default
    if given.durability is not None:
        found = dataclasses.replace(
            found,
            durability=choices.durability(given.durability, '--durability'),
        )
    if given.spread is not None:
        found = dataclasses.replace(
            found, spread=choices.spread(given.spread, '--spread')
        )
    if given.tags is not None:
        found = dataclasses.replace(
            found, tags=choices.device_tags(given.tags, '--tags')
        )
    if given.average_file_size is not None:
        found = dataclasses.replace(
            found,
            average_file_bytes=sizes_read.size_bytes(
                given.average_file_size,
                '--average-file-size',
                plain='KiB',
                least=sizes.AVERAGE_FILE_MIN_BYTES,
                most=sizes.AVERAGE_FILE_MAX_BYTES,
            ),
        )
    return found
