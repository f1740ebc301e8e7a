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

"""Options: the certificate authority and how long certificates hold."""

from oslo_config import cfg

from manila_gluster_heketi.conf import GROUP
from manila_gluster_heketi.conf import paragraphs

# An authority that is made here holds for so long.
_AUTHORITY_DAYS = 3650

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'gluster_heketi_ca_directory',
        default='',
        help=paragraphs(
            """
            Directory of the certificate authority, as an absolute path.

            It holds "ca.pem" and "ca.key", which are made at first use; the
            key must have mode 0600 or 0400. Empty means "ca" in
            gluster_heketi_state_path. All hosts that use one store need the
            same authority: copy the directory to each, with its modes, before
            the second one starts, or set gluster_heketi_ca_store to
            "database". Whoever has the key can mount any share.
            """
        ),
    ),
    cfg.StrOpt(
        'gluster_heketi_ca_store',
        default='files',
        choices=['files', 'database'],
        help=paragraphs(
            """
            Where the certificate authority is kept.

            "files" means the directory that gluster_heketi_ca_directory names.
            "database" means the store that gluster_heketi_store_connection
            names, so that all hosts have the same authority without a copy;
            the first process to need one makes it. There the key is always
            encrypted, so a passphrase must be configured, the same on each
            host. An authority that is in files is taken over with
            "gluster-heketi ca import".
            """
        ),
    ),
    cfg.StrOpt(
        'gluster_heketi_ca_key_type',
        default='ec-p256',
        choices=['ec-p256', 'rsa-3072'],
        help=paragraphs(
            """
            Type of the key that a new certificate authority gets.

            Elliptic curve keys on P-256 sign quickly and are understood
            everywhere; RSA with 3,072 bits is for those who must not use
            curves. Nodes and clients have keys on P-256 in either case. An
            authority that is there keeps its key.
            """
        ),
    ),
    cfg.StrOpt(
        'gluster_heketi_ca_passphrase_file',
        default='',
        help=paragraphs(
            """
            File with the passphrase of the authority's key, as an absolute
            path.

            The passphrase is the file's only line. The file must have mode
            0600 or 0400 and belong to the service's user or to root. With a
            passphrase the key of a new authority is encrypted; "gluster-heketi
            ca encrypt" encrypts one that is there. Keep it off the disk that
            has the key, or a copy of that disk is a copy of both. Empty means
            that there is none.
            """
        ),
    ),
    cfg.StrOpt(
        'gluster_heketi_ca_passphrase_secret',
        default='',
        help=paragraphs(
            """
            Id of a secret in a key manager that is the passphrase of the
            authority's key.

            It is fetched through castellan, from Barbican or whatever the
            section key_manager of the same configuration names, when the
            authority is read: by manila-share once, at its first use. It must
            be a passphrase or opaque data. Needs castellan, which
            "manila-gluster-heketi[barbican]" installs. Only one of this and
            gluster_heketi_ca_passphrase_file may be set.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_node_certificate_days',
        default=365,
        min=1,
        max=_AUTHORITY_DAYS,
        help=paragraphs(
            """
            Days for which the certificate of a storage node holds.

            A node whose certificate has expired serves nobody, so the default
            leaves time to renew. It never holds longer than the authority's
            own.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_node_renewal_days',
        default=30,
        min=0,
        max=_AUTHORITY_DAYS,
        help=paragraphs(
            """
            Days before its end that the certificate of a node is renewed.

            The share service looks once an hour and renews one node after the
            other, each verified before the next. A certificate is never
            renewed in the first half of its time. With 0 nothing is renewed
            but by "gluster-heketi tls renew". "gluster-heketi check" warns of
            a certificate that ends within this time.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_client_certificate_days',
        default=90,
        min=1,
        max=_AUTHORITY_DAYS,
        help=paragraphs(
            """
            Days for which the certificate of a tenant's client holds.

            Access to a share is withdrawn by an access rule, at once; the
            duration limits what a stolen key is good for when nobody notices.
            Raise it if tenants can't renew so often. It never holds longer
            than the authority's own.
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
