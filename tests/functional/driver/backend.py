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

"""A back end of Manila whose storage hosts are simulated."""

from typing import Any

import fixtures
from manila.share import configuration
from manila.share import driver as manila_driver
from oslo_config import cfg
from oslo_config import fixture as config_fixture

from manila_gluster_heketi import driver
from manila_gluster_heketi import model
from tests.functional import deployment


def share(number: int = 1, **values: Any) -> dict[str, Any]:
    """Describe a share instance as Manila's manager does."""
    instance = f'00000000-0000-4000-8000-{number:012}'
    return {
        'id': instance,
        'share_id': f'10000000-0000-4000-8000-{number:012}',
        'name': f'share-{instance}',
        'host': 'ctl@gluster1#c1',
        'size': 2,
        'share_proto': 'GLUSTERFS',
        'share_type_id': 'type-1',
        'export_locations': [],
        **values,
    }


def rule(to: str, number: int = 1, **values: Any) -> dict[str, Any]:
    """Describe an access rule as Manila's manager does."""
    return {
        'access_id': f'rule-{number}',
        'access_type': 'cert',
        'access_level': 'rw',
        'access_to': to,
        **values,
    }


class BackendTestCase(deployment.DeployedTestCase):
    """A driver in the hands of a test.

    :ivar specs: extra specs of the one share type
    """

    # Manila asks for this host's address when it is imported.
    allow_sockets = True

    GROUP = 'gluster1'

    def setUp(self) -> None:
        """Have the driver reach simulated hosts, and no database of Manila."""
        super().setUp()
        self.specs: dict[str, str] = {}
        self.recoverers: list[Any] = []
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila.share.share_types.get_extra_specs_from_share',
                lambda share: self.specs,
            )
        )
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.layout.recoverer.start',
                self.recoverers.append,
            )
        )

    def make_driver(
        self, d: deployment.Deployment, **options: Any
    ) -> driver.GlusterHeketiShareDriver:
        """Make a driver for a deployment; it is not set up yet."""
        self.useFixture(
            fixtures.MonkeyPatch(
                'manila_gluster_heketi.service.facade.openssh.OpenSshExecutor',
                lambda options: d.executor,
            )
        )
        backend = configuration.Configuration(
            manila_driver.share_opts, config_group=self.GROUP
        )
        self.addCleanup(self._forget_options)
        made = self._with_options(
            d,
            lambda: driver.GlusterHeketiShareDriver(
                private_storage=None, configuration=backend
            ),
            options,
        )
        self.addCleanup(self._close, made)
        return made

    def set_up(
        self, d: deployment.Deployment, **options: Any
    ) -> driver.GlusterHeketiShareDriver:
        """Make a driver and set it up as Manila does."""
        made = self.make_driver(d, **options)
        made.do_setup(None)
        made.check_for_setup_error()
        return made

    def _with_options(self, d, make, options):
        config = self.useFixture(config_fixture.Config(cfg.CONF))
        config.config(group=self.GROUP, driver_handles_share_servers=False)
        config.config(group=self.GROUP, share_backend_name='GOLD')
        made = make()
        chosen = {
            'gluster_heketi_state_path': d.directory,
            'gluster_heketi_store_connection': (
                f'sqlite:///{d.directory}/store.sqlite'
            ),
            **options,
        }
        config.config(group=self.GROUP, **chosen)
        return made

    def _forget_options(self) -> None:
        group = cfg.CONF._groups.get(self.GROUP)
        if group is not None:
            for each in list(group._opts.values()):
                cfg.CONF.unregister_opt(each['opt'], group=self.GROUP)

    @staticmethod
    def _close(made: Any) -> None:
        if made._layout is not None and made._layout._service is not None:
            made._layout._service.store.close()

    def volume(self, d: deployment.Deployment, which: Any) -> model.Volume:
        """Find the volume of a share."""
        return d.service.volume(which['id'])
