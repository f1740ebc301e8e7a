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

"""Options: what a share is in Gluster."""

from oslo_config import cfg

from manila_gluster_heketi.conf import GROUP
from manila_gluster_heketi.conf import paragraphs

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'gluster_heketi_layout',
        default='volume',
        help=paragraphs(
            """
            Name of the layout: what a share is in Gluster.

            A plugin of the entry point "manila_gluster_heketi.layouts". The
            default makes each share a volume of its own. Change it only for a
            plugin that you have installed, and only for a backend without
            shares.
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
