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
            the second one starts. Whoever has the key can mount any share.
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
