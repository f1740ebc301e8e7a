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

"""A share driver that keeps its shares as directories, for our tests."""

import json
import pathlib
import threading

from manila.common import constants
from manila.share import driver
from oslo_config import cfg

_OPTIONS = [
    cfg.StrOpt('directory_driver_root', help='Holds one directory a share.'),
]
_TOTAL_GIB = 100


class DirectoryShareDriver(driver.ShareDriver):
    """One directory a share, with its size and its access list in a file."""

    def __init__(self, *args, **kwargs):
        super().__init__(False, *args, config_opts=[_OPTIONS], **kwargs)
        self._lock = threading.Lock()

    @property
    def _root(self):
        return pathlib.Path(self.configuration.directory_driver_root)

    def do_setup(self, context):
        self._root.mkdir(exist_ok=True)

    def create_share(self, context, share, share_server=None):
        (self._root / share['id']).mkdir()
        self._change(share, size=share['size'], access=[])
        return [{'path': f'host.example:/{share["id"]}', 'metadata': {}}]

    def delete_share(self, context, share, share_server=None):
        directory = self._root / share['id']
        if directory.exists():
            (directory / 'share.json').unlink()
            directory.rmdir()

    def extend_share(self, share, new_size, share_server=None):
        self._change(share, size=new_size)

    def shrink_share(self, share, new_size, share_server=None):
        self._change(share, size=new_size)

    def update_access(
        self,
        context,
        share,
        access_rules,
        add_rules,
        delete_rules,
        update_rules=None,
        share_server=None,
    ):
        good = [each for each in access_rules if _is_good(each)]
        if (self._root / share['id']).exists():
            self._change(share, access=[each['access_to'] for each in good])
        return {
            each['access_id']: {'state': 'active' if each in good else 'error'}
            for each in access_rules
        }

    def _change(self, share, **fields):
        path = self._root / share['id'] / 'share.json'
        with self._lock:
            content = json.loads(path.read_text()) if path.exists() else {}
            new = path.with_suffix('.new')
            new.write_text(json.dumps(content | fields))
            new.replace(path)

    def _update_share_stats(self, data=None):
        files = self._root.glob('*/share.json')
        used = sum(json.loads(each.read_text())['size'] for each in files)
        super()._update_share_stats(
            {
                'share_backend_name': 'DIRECTORY',
                'storage_protocol': 'GLUSTERFS',
                'pools': [
                    {
                        'pool_name': 'pool',
                        'total_capacity_gb': _TOTAL_GIB,
                        'free_capacity_gb': _TOTAL_GIB - used,
                        'reserved_percentage': 0,
                        'reserved_snapshot_percentage': 0,
                        'reserved_share_extend_percentage': 0,
                    }
                ],
            }
        )


def _is_good(rule):
    return (
        rule['access_type'] == 'cert'
        and rule['access_level'] == constants.ACCESS_LEVEL_RW
    )
