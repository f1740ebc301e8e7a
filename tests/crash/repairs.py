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


"""What was damaged behind our back, and is mended."""

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.model import OpKind
from tests.crash import changes
from tests.crash.change import Change
from tests.functional.deployment import Deployment
from tests.functional.truth import damage


def _damage(d: Deployment) -> None:
    """Have all that takes several commands, of a volume and of a node."""
    assert damage.SHARE == changes.SHARE
    mounts = damage.host(d).space.mounts
    mounts.pop(damage.brick(d).mount_path).mount_path = ''
    for each in (
        damage.the_line_in_fstab_is_gone,
        damage.the_brick_has_no_tags,
        damage.the_quota_is_off,
        damage.somebody_else_may_mount,
        damage.the_record_is_gone,
        damage.the_group_has_no_tags,
        damage.the_key_is_of_another_certificate,
    ):
        each(d)


def _prepare(d: Deployment) -> None:
    d.load()
    d.create(changes.SHARE)


def _repair(d: Deployment) -> None:
    """Repair; what could not be mended is an error of that."""
    for each in d.service.truth.repair().checked:
        if not each.mended:
            raise exceptions.HostError(
                host=each.finding.host, reason=each.failure
            )


def _is_whole(d: Deployment) -> bool:
    return d.service.truth.check().is_clean


REPAIR = Change(
    'repair',
    _repair,
    _is_whole,
    frozenset({OpKind.REPAIR}),
    {},
    _prepare,
    _damage,
    is_one=False,
    stays_half_way=True,
    half_way=("the certificate is not on record as the node's",),
)
