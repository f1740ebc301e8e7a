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

"""Forgetting history that nobody asks for any more."""

import datetime

from manila_gluster_heketi.operations.engine import Engine
from manila_gluster_heketi.store import history

# What others write comes in between.
_PAUSE_SECONDS = 0.1


def forget(engine: Engine, days: int) -> int:
    """Forget operations that were closed so long ago, a few at a time.

    :param days: 0 to keep all
    :returns: how many
    """
    if not days:
        return 0
    age = datetime.timedelta(days=days)
    forgotten = 0
    while some := engine.store.transact(
        lambda tx: history.prune(tx, tx.now() - age)
    ):
        forgotten += some
        engine.site.sleep(_PAUSE_SECONDS)
    return forgotten
