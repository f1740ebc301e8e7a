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

"""The Manila share driver for Gluster volumes made on demand.

Shares of protocol GLUSTERFS are mounted with Gluster's native client; access
rules are common names of TLS certificates. What a share is in Gluster is the
layout's business.
"""

import functools
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from manila import exception as manila_exception
from manila.share import driver
from manila.share import share_types
from oslo_log import log
from stevedore import driver as plugin
from stevedore.exception import NoMatches

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.conf import opts
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.layout import base
from manila_gluster_heketi.layout import errors
from manila_gluster_heketi.layout import rules

LOG = log.getLogger(__name__)

PROTOCOL = 'GLUSTERFS'
LAYOUTS = 'manila_gluster_heketi.layouts'


class GlusterHeketiShareDriver(driver.ShareDriver):
    """One share is one TLS-sealed Gluster volume with a quota."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # This runs in the parent of the process that serves shares: nothing
        # is opened or started here.
        super().__init__(False, *args, config_opts=[opts.ALL], **kwargs)
        self.backend_name = (
            self.configuration.safe_get('share_backend_name')
            or 'GlusterHeketi'
        )
        self._layout: base.Layout | None = None

    @property
    def layout(self) -> base.Layout:
        """The layout; there is one once :meth:`do_setup` has run."""
        if self._layout is None:
            raise manila_exception.ShareBackendException(
                msg='the driver is not set up'
            )
        return self._layout

    def do_setup(self, context: Any) -> None:
        """Read the configuration; Manila repeats it until it succeeds."""
        with errors.in_manilas_words():
            settings = Settings.from_group(self.configuration)
            if self._layout is None:
                self._layout = _layout_named(settings.layout)(settings)

    def check_for_setup_error(self) -> None:
        """Bring the store up to date and look at what it needs."""
        self.layout.setup()
        if not self.layout.pools():
            LOG.warning(
                'backend %s has no cluster yet: load a topology with '
                '"gluster-heketi topology load"',
                self.backend_name,
            )

    def create_share(
        self, context: Any, share: base.Share, share_server: Any = None
    ) -> list[base.ExportLocation]:
        """Create the volume of a share; a repeat finds the first."""
        _check_protocol(share)
        specs = share_types.get_extra_specs_from_share(share)
        return self.layout.create_share(share, specs)

    def delete_share(
        self, context: Any, share: base.Share, share_server: Any = None
    ) -> None:
        """Delete the volume of a share; that it is gone is fine."""
        self.layout.delete_share(share)

    def extend_share(
        self, share: base.Share, new_size: int, share_server: Any = None
    ) -> None:
        """Let a share hold ``new_size`` GiB."""
        self.layout.extend_share(share, new_size)

    def shrink_share(
        self, share: base.Share, new_size: int, share_server: Any = None
    ) -> None:
        """Let a share hold no more than ``new_size`` GiB."""
        self.layout.shrink_share(share, new_size)

    def get_backend_info(self, context: Any) -> dict[str, str]:
        """Say what export locations depend on."""
        return self.layout.backend_info()

    def ensure_shares(
        self, context: Any, shares: Sequence[base.Share]
    ) -> dict[str, dict[str, Any]]:
        """Say where shares are exported now."""
        return self.layout.ensure_shares(shares)

    def update_access(
        self,
        context: Any,
        share: base.Share,
        access_rules: Sequence[rules.Rule],
        add_rules: Sequence[rules.Rule],
        delete_rules: Sequence[rules.Rule],
        update_rules: Sequence[rules.Rule] | None = None,
        share_server: Any = None,
    ) -> Mapping[str, dict[str, str]]:
        """Change who may mount a share.

        A rule that GlusterFS can't enforce safely, of a name that was revoked,
        or for which the list has no room, goes into error alone; the others
        are applied. With a rule
        comes the token to enrol with, if tenants can.
        """
        verdict = rules.judge(
            access_rules,
            add_rules,
            delete_rules,
            functools.partial(self.layout.refused_names, share),
        )
        for text in verdict.reasons:
            LOG.error('share %s: %s', share['id'], text)
        self.layout.change_access(share, verdict.change)
        keys = self.layout.access_keys(share, verdict.admitted)
        return {
            **verdict.states,
            **{rule: {'access_key': key} for rule, key in keys.items()},
        }

    def _update_share_stats(self, data: dict[str, Any] | None = None) -> None:
        pools = self.layout.pools()
        shared = {
            'reserved_percentage': self._reserved('share_percentage'),
            'reserved_snapshot_percentage': self._reserved(
                'share_from_snapshot_percentage'
            ),
            'reserved_share_extend_percentage': self._reserved(
                'share_extend_percentage'
            ),
            # The scheduler looks for these two in each pool alone.
            'filter_function': self.get_filter_function(),
            'goodness_function': self.get_goodness_function(),
            'qos': False,
            'dedupe': False,
            'compression': False,
            'snapshot_support': False,
        }
        super()._update_share_stats(
            {
                'share_backend_name': self.backend_name,
                'vendor_name': 'Gluster',
                'driver_version': '1',
                'storage_protocol': PROTOCOL,
                'snapshot_support': False,
                'pools': [{**shared, **pool} for pool in pools],
            }
        )

    def _reserved(self, name: str) -> int:
        """Read one of Manila's options; unset ones follow the first."""
        value = self.configuration.safe_get(f'reserved_{name}')
        if not value:
            value = self.configuration.safe_get('reserved_share_percentage')
        return int(value or 0)


def _layout_named(name: str) -> Any:
    try:
        return plugin.DriverManager(LAYOUTS, name).driver
    except NoMatches as error:
        raise exceptions.InvalidConfiguration(
            option='gluster_heketi_layout',
            value=name,
            reason='no layout has this name',
        ) from error


def _check_protocol(share: base.Share) -> None:
    if share['share_proto'].upper() == PROTOCOL:
        return
    with errors.in_manilas_words(share['id']):
        raise exceptions.InvalidInput(
            field='protocol',
            value=share['share_proto'],
            reason=f'this backend serves {PROTOCOL}',
        )
