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

"""Whose lease counts as run out before its time."""

import datetime
import os

import ddt

from manila_gluster_heketi import model
from manila_gluster_heketi.operations import owner
from tests import base

_NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
_LATER = _NOW + datetime.timedelta(minutes=15)


def _operation(name):
    return model.Operation(
        id='o',
        kind=model.OpKind.VOLUME_CREATE,
        subject='v',
        cluster_id='c',
        state=model.OpState.RUNNING,
        owner=name,
        lease_until=_LATER,
    )


def _of_process(pid):
    machine, _, unique = owner.new().rpartition(f':{os.getpid()}:')
    return f'{machine}:{pid}:{unique}'


# Above the largest that Linux gives (PID_MAX_LIMIT, proc(5)).
_NO_PROCESS = 1 << 22


@ddt.ddt
class OwnerTestCase(base.TestCase):
    """Dead is only who can be known to be."""

    def test_a_dead_process_of_this_machine(self):
        found = owner.expired_at(_operation(_of_process(_NO_PROCESS)), _NOW)

        self.assertGreater(found, _LATER)

    def test_this_process(self):
        self.assertEqual(_NOW, owner.expired_at(_operation(owner.new()), _NOW))

    def test_a_process_of_another_machine(self):
        name = f'elsewhere:pid:[1]:{_NO_PROCESS}:x'

        self.assertEqual(_NOW, owner.expired_at(_operation(name), _NOW))

    @ddt.data('', 'a', 'a:b', 'a:b:c:d:e')
    def test_a_name_of_another_form(self, name):
        self.assertEqual(_NOW, owner.expired_at(_operation(name), _NOW))

    def test_no_two_users_of_a_store_are_the_same(self):
        self.assertNotEqual(owner.new(), owner.new())
