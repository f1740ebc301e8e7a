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

"""The options that every volume of ours is born with."""

from collections.abc import Mapping

from manila_gluster_heketi.hostcmd import marks
from manila_gluster_heketi.model import Volume
from manila_gluster_heketi.tls import access


def born_with(
    volume: Volume,
    quota_timeouts: tuple[int, int],
    extra: Mapping[str, str],
) -> dict[str, str]:
    """List the options for the one ``volume set`` before the first start.

    TLS options on a started volume leave its bricks in plaintext until they
    are restarted, and an unset ``auth.ssl-allow`` admits every certificate of
    the authority: so both are set here, before any brick runs. They come
    last, so that an operator's ``extra`` can't open a volume. So do the marks
    from which a lost store is rebuilt; the transaction takes as long with
    them as without (0.4 s either way with seven options or eleven).

    :param quota_timeouts: soft and hard, in seconds
    :raises InvalidInput: glusterd would not bear one of the marks
    """
    soft, hard = quota_timeouts
    return {
        'features.soft-timeout': str(soft),
        'features.hard-timeout': str(hard),
        **extra,
        'client.ssl': 'on',
        'server.ssl': 'on',
        'auth.ssl-allow': access.allow_value(
            volume.cluster_id, volume.access, volume=volume.name
        ),
        **marks.volume_options(volume),
    }
