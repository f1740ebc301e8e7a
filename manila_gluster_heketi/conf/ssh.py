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

"""Options: how commands reach the storage nodes."""

from oslo_config import cfg

from manila_gluster_heketi.conf import GROUP
from manila_gluster_heketi.conf import paragraphs

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'gluster_heketi_ssh_user',
        default='root',
        help=paragraphs(
            """
            User that logs in to the storage nodes.

            Making logical volumes, file systems and Gluster volumes needs
            root, hence the default. For any other user set
            gluster_heketi_ssh_sudo.
            """
        ),
    ),
    cfg.PortOpt(
        'gluster_heketi_ssh_port',
        default=22,
        help=paragraphs(
            """
            TCP port of sshd on the storage nodes.

            One port for all nodes; it overrides what an ssh_config file says.
            """
        ),
    ),
    cfg.StrOpt(
        'gluster_heketi_ssh_private_key',
        default='',
        help=paragraphs(
            """
            File with the private SSH key, as an absolute path.

            It must belong to the service's user and have mode 0600 or 0400,
            and no passphrase, since nobody is there to type it. With a key
            here no other key is tried. Leave it empty to let ssh find its own:
            an agent, or the usual files of the service's user.
            """
        ),
    ),
    cfg.StrOpt(
        'gluster_heketi_ssh_config_file',
        default='',
        help=paragraphs(
            """
            File for "ssh -F", as an absolute path.

            Empty means ssh's own files. Use it for jump hosts, aliases or
            ciphers; what has an option here is given on the command line and
            so overrides the file.
            """
        ),
    ),
    cfg.StrOpt(
        'gluster_heketi_ssh_known_hosts',
        default='',
        help=paragraphs(
            """
            File with the SSH host keys of the nodes, as an absolute path.

            Empty means "known_hosts" in gluster_heketi_state_path. Keys that
            the store has on record are added to it, so that every host of the
            control plane knows them.
            """
        ),
    ),
    cfg.StrOpt(
        'gluster_heketi_ssh_host_key_policy',
        default='accept-new',
        choices=[
            (
                'accept-new',
                'the key that a node shows at its first login is recorded '
                'and must stay the same; safe unless somebody is in between '
                'at that moment',
            ),
            (
                'strict',
                'a node whose key is not in the file beforehand is refused',
            ),
        ],
        help=paragraphs(
            """
            What to do about a node whose SSH host key is not known.

            A changed key is always refused. The default lets nodes be added
            without preparation. Choose "strict" if keys are distributed by
            other means, such as the installer of the nodes.
            """
        ),
    ),
    cfg.BoolOpt(
        'gluster_heketi_ssh_sudo',
        default=False,
        help=paragraphs(
            """
            Whether to become root by "sudo -n" after login.

            Needed if gluster_heketi_ssh_user is not root; that user must be
            allowed to run /bin/sh as root without a password.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_ssh_connect_timeout',
        default=10,
        min=1,
        help=paragraphs(
            """
            Seconds to wait for a connection to a node.

            After this the node counts as unreachable and the next one is
            tried, where one will do. Ten seconds are plenty in one data
            centre; raise it for nodes behind slow links or jump hosts.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_ssh_keepalive_interval',
        default=3,
        min=1,
        help=paragraphs(
            """
            Seconds between signs of life on an SSH connection.

            After three without an answer the connection counts as lost, so
            with the default a node that lost power is noticed in about nine
            seconds, instead of after minutes by TCP. Raise it if connections
            are lost on a busy network.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_ssh_sessions_per_host',
        default=8,
        min=1,
        help=paragraphs(
            """
            Batches of commands that run on one node at the same time.

            They share one connection, so the number must be below MaxSessions
            of the nodes' sshd, which is 10 unless configured; the default
            leaves two for other processes. More rarely helps: LVM and Gluster
            serialise most changes.
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
