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

"""Manila's access rules, judged one by one."""

import dataclasses
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from manila_gluster_heketi import exceptions
from manila_gluster_heketi.layout.base import AccessChange
from manila_gluster_heketi.tls import policy

Rule = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What to change, and which rules are refused.

    :ivar admitted: names of the rules to let in, by ``access_id``
    :ivar states: the state of refused rules by ``access_id``, for Manila
    :ivar reasons: why, for the log
    """

    change: AccessChange
    admitted: Mapping[str, str]
    states: Mapping[str, dict[str, str]]
    reasons: tuple[str, ...]


def judge(
    every: Sequence[Rule],
    add: Sequence[Rule],
    delete: Sequence[Rule],
    refused_names: Callable[[AccessChange], Mapping[str, str]],
) -> Verdict:
    """Decide what an update of access rules means.

    With nothing to add or delete Manila wants exactly ``every``: its way of
    recovering a share whose rules it does not trust.

    :param refused_names: which names of a change can't be let in, and why
    """
    recovering = not add and not delete
    wanted, refused = _sift(every if recovering else add)
    # A bad rule was never applied, so taking it away changes nothing.
    gone, _ = _sift(delete)

    def change(names: Iterable[str]) -> AccessChange:
        if recovering:
            return AccessChange(names=list(names))
        return AccessChange(add=list(names), remove=list(gone.values()))

    reasons = refused_names(change(wanted.values())) if wanted else {}
    for access_id, name in wanted.items():
        if name in reasons:
            refused[access_id] = reasons[name]
    admitted = {i: name for i, name in wanted.items() if name not in reasons}
    return Verdict(
        change=change(admitted.values()),
        admitted=admitted,
        states={access_id: {'state': 'error'} for access_id in refused},
        reasons=tuple(refused.values()),
    )


def _sift(rules: Iterable[Rule]) -> tuple[dict[str, str], dict[str, str]]:
    """Give the names of good rules, and why others are bad, by access_id."""
    names: dict[str, str] = {}
    refused: dict[str, str] = {}
    for rule in rules:
        access_id = rule['access_id']
        try:
            names[access_id] = _name(rule)
        except (
            exceptions.InvalidAccess,
            exceptions.InvalidCommonName,
        ) as error:
            refused[access_id] = str(error)
    return names, refused


def _name(rule: Rule) -> str:
    if rule['access_type'] != 'cert':
        raise exceptions.InvalidAccess(
            field='type',
            value=rule['access_type'],
            reason='GlusterFS knows clients by certificate alone',
        )
    if rule['access_level'] != 'rw':
        raise exceptions.InvalidAccess(
            field='level',
            value=rule['access_level'],
            reason='auth.ssl-allow has no read-only form',
        )
    return policy.check_common_name(rule['access_to'], field='access_to')
