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

"""Options: where the record of what is where is kept."""

from oslo_config import cfg

from manila_gluster_heketi.conf import GROUP
from manila_gluster_heketi.conf import paragraphs

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'gluster_heketi_store_connection',
        default='sqlite:////var/lib/manila-gluster-heketi/store.sqlite',
        secret=True,
        help=paragraphs(
            """
            SQLAlchemy URL of the database with clusters, volumes and
            operations.

            The default is a SQLite file, which needs no server and serves all
            processes of one host. Use PostgreSQL
            (postgresql+psycopg://USER:PASSWORD@HOST/DATABASE) or MariaDB
            (mariadb+pymysql://USER:PASSWORD@HOST/DATABASE) if manila-share or
            the command line run on more than one host, or if no single host
            may be a single point of failure. It must not be Manila's own
            database. The value may hold a password, so it is never logged.
            """
        ),
    ),
    cfg.StrOpt(
        'gluster_heketi_state_path',
        default='/var/lib/manila-gluster-heketi',
        help=paragraphs(
            """
            Directory for what belongs to this host, as an absolute path.

            It holds the record of SSH host keys, the sockets of open SSH
            connections, and the certificate authority unless
            gluster_heketi_ca_directory says otherwise. It is made at first
            use, for the service's user alone. Several backends may share it.
            Keep the path short: a Unix socket's path has at most 108 bytes.
            The default store is not moved with it: see
            gluster_heketi_store_connection.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_history_days',
        default=365,
        min=0,
        help=paragraphs(
            """
            Days after which a change that is closed is forgotten.

            Each change is kept in the store with its steps: "gluster-heketi
            operation list --all" shows when it was made and how it ended, and
            what may be left on a host that was given up. Once a day what is
            older than that is removed. With 0 all is kept for ever. Changes
            that are not closed stay, however old they are.
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
