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

"""Options: where bricks go, and how large and how many they may be."""

from oslo_config import cfg

from manila_gluster_heketi.conf import GROUP
from manila_gluster_heketi.conf import paragraphs

# 100 TiB. What is beyond is a slip of the pen rather than a wish.
_BRICK_MOST_GIB = 100 * 1024

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'gluster_heketi_allocator_strategy',
        default='balanced',
        help=paragraphs(
            """
            Name of the strategy: which of the possible places bricks get.

            "balanced" keeps each device as near as can be to its fair level,
            and refuses a share only where there is no way. "packed" fills one
            device after the other: holes for large bricks stay as long as can
            be, but the first devices are full, and busy, from the beginning;
            don't let such a cluster be levelled. "heketi_ring" does as Heketi
            did, for those who have to compare: it goes round zones and nodes
            without a look at how full they are, doubles the number of brick
            sets, and gives up where others find room.

            Other names are plugins of the entry point
            "manila_gluster_heketi.strategies". What they choose is checked,
            and refused if it breaks a constraint. Volumes that exist stay
            where they are when this is changed.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_brick_share',
        default=100,
        min=1,
        max=100,
        help=paragraphs(
            """
            What a brick takes of an average device at most, in percent.

            A share that is larger gets more brick sets, so that devices can
            be filled more evenly; with 100 a share has one set wherever one
            fits. Each set more is as many processes on the nodes and
            connections of each client more, and a directory is listed from
            all of them. On disks of 1 to 8 TiB and shares of 100 GiB (median)
            to 2 TiB, 17 brought devices from 5 to 3 points around their fair
            level, at the price of one set more for each tenth share. Where
            shares are small against disks it changes nothing.

            Larger bricks are used still before a share is refused.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_brick_min_size',
        default=0,
        min=0,
        max=_BRICK_MOST_GIB,
        help=paragraphs(
            """
            The smallest brick that is made, in GiB.

            Where a share needs less, its bricks are made this large all the
            same, and it can be extended without growing them. With 0 they are
            as small as XFS allows, which is 0.3 GiB. Raise it to keep large
            shares from being cut into many slivers when a cluster is nearly
            full: then they are refused earlier.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_brick_max_size',
        default=4096,
        min=1,
        max=_BRICK_MOST_GIB,
        help=paragraphs(
            """
            The largest brick that is made, in GiB; Heketi's limit as well.

            A larger share gets several brick sets. A brick is checked and
            healed as a whole: the larger it is, the longer a set has one copy
            less after a failure. It must not be less than
            gluster_heketi_brick_min_size. Bricks that are larger already stay
            as they are, but don't grow.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_volume_bricks_max',
        default=60,
        min=1,
        max=1000,
        help=paragraphs(
            """
            How many bricks a volume has at most.

            Each is a process on a node and a connection of each client. With
            three copies the default allows 20 brick sets, and so shares of
            about 80 TiB with bricks of 4 TiB. Heketi allowed 32; its authors
            saw the creation of volumes with 192 bricks fail at times. It must
            be enough for one set of gluster_heketi_durability.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_cluster_volumes_max',
        default=1000,
        min=0,
        max=1000000,
        help=paragraphs(
            """
            How many volumes a cluster has at most; 0 for any number.

            A share that would be one more goes to another cluster, or is
            refused. The default is Heketi's: glusterd reads all volumes when
            it starts and exchanges them with its peers, and was seen to miss
            systemd's time limit for starting with more than 1000. Lower it
            for small nodes, since each brick of a started volume is a process.
            Volumes whose deletion waits for a node count as well.
            """
        ),
    ),
]


def register_opts(conf: cfg.ConfigOpts, group: str = GROUP) -> None:
    """Register the options of this module in a section."""
    conf.register_opts(OPTS, group=group)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """List the options of this module for the sample configuration."""
    return [(GROUP, OPTS)]
