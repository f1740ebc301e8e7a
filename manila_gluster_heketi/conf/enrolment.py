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

"""Options: how tenants get certificates by themselves."""

from oslo_config import cfg

from manila_gluster_heketi.conf import GROUP
from manila_gluster_heketi.conf import paragraphs

_YEAR_HOURS = 8760

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'gluster_heketi_enrolment_url',
        default='',
        help=paragraphs(
            """
            URL at which tenants' machines reach "gluster-heketi enrolment
            serve", such as https://enrol.example.org:8787.

            With it each access rule gets an access key: a token with which
            the tenant gets a certificate for the rule's name, once. The URL
            is in the metadata of export locations. The name or address in it
            becomes that of the endpoint's certificate; behind a proxy it is
            the proxy's, which must pass TLS on as it is. Empty means that
            there are no access keys, and nobody can enrol.
            """
        ),
    ),
    cfg.IntOpt(
        'gluster_heketi_enrolment_hours',
        default=24,
        min=1,
        max=_YEAR_HOURS,
        help=paragraphs(
            """
            Hours for which an access key can be used.

            They count from when the access rule was made. Whoever may list
            the access rules of a project can read the access key, and is the
            tenant for whoever comes first, so this should be as short as
            tenants can bear.
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
