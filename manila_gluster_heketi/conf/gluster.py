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

"""Options: clusters, and how patient to be with their daemons."""

from oslo_config import cfg

from manila_gluster_heketi.conf import GROUP
from manila_gluster_heketi.conf import paragraphs

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'gluster_heketi_cluster',
        default='',
        help=paragraphs(
            """
            Name of the one cluster that this backend serves.

            Empty means all clusters of the store, each as a pool of the
            backend. Set it to give each cluster a backend of its own, with
            options of its own.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_peer_ping_timeout',
        default=10,
        min=0,
        help=paragraphs(
            """
            Seconds after which glusterd takes a silent peer for dead.

            Written as ping-timeout to glusterd.vol of each node that is added,
            followed by a restart of glusterd; bricks run on meanwhile. With
            glusterd's own default of 0 a node that lost power blocks every
            change in its cluster for minutes. Zero here leaves the file alone;
            choose it if your own configuration management writes it.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_cluster_operations',
        default=8,
        min=1,
        help=paragraphs(
            """
            Changes that this process makes at the same time in one cluster.

            The others wait, in the order in which they came, while changes
            in other clusters go on. Each process counts for itself. More
            rarely helps: the glusterd of every node takes part in each
            change.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_gluster_busy_timeout',
        default=180,
        min=0,
        help=paragraphs(
            """
            Seconds to wait for another change of the same volume to end.

            Gluster refuses a change while it makes another one on the same
            volume; it is tried again, ever more slowly, for so long. The
            default is as long as Gluster itself keeps a lock whose owner has
            died. A change that a process on another host has under way is
            waited for as long; what a host that is gone had under way may be
            taken over after three minutes.
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
