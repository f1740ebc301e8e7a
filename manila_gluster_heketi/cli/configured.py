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

"""Commands that need the configuration, and the service made from it."""

import os

from cliff.app import App
from oslo_config import cfg

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.conf import opts
from manila_gluster_heketi.conf.settings import Settings
from manila_gluster_heketi.service import Service

DEFAULT_FILE = '/etc/manila-gluster-heketi/gluster-heketi.conf'


def service_for(app: App) -> Service:
    """Make the service that the global options ask for.

    :raises InvalidConfiguration: no such file or section, or a bad value
    """
    service = Service(settings_for(app))
    service.prepare()
    return service


def settings_for(app: App) -> Settings:
    """Read the section that the global options name.

    :raises InvalidConfiguration: no such file or section, or a bad value
    """
    path = app.options.config_file or DEFAULT_FILE
    section = app.options.config_section
    if not os.path.exists(path):
        if app.options.config_file:
            raise exceptions.InvalidConfiguration(
                option='--config-file', value=path, reason='no such file'
            )
        files = []
    else:
        files = [path]
    conf = cfg.ConfigOpts()
    try:
        conf(args=[], project='gluster-heketi', default_config_files=files)
        conf.register_opts(opts.ALL, group=section)
        if app.options.config_file and not _has(conf, section):
            raise exceptions.InvalidConfiguration(
                option='--config-section',
                value=section,
                reason=f'{path} has no such section',
            )
        return Settings.from_group(conf[section], conf)
    except (cfg.Error, ValueError) as error:
        raise exceptions.InvalidConfiguration(
            option=section, value=path, reason=str(error)
        ) from error


def _has(conf: cfg.ConfigOpts, section: str) -> bool:
    return section in conf.list_all_sections()
