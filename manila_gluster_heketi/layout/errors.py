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

"""From our errors to Manila's: the one place where they change."""

import contextlib
from collections.abc import Iterator

from manila import exception as manila_exception
from oslo_log import log

from manila_gluster_heketi import exceptions

LOG = log.getLogger(__name__)


@contextlib.contextmanager
def in_manilas_words(share_id: str = '') -> Iterator[None]:
    """Raise Manila's exceptions in place of ours.

    :param share_id: of the share that Manila asked about, if any
    """
    try:
        yield
    except exceptions.GlusterHeketiError as error:
        LOG.error('%s', error)
        raise translated(error, share_id) from error


def translated(
    error: exceptions.GlusterHeketiError, share_id: str
) -> Exception:
    """Choose Manila's exception for an error and keep its whole text."""
    kind = getattr(manila_exception, error.manila)
    fields = {
        'InvalidShareAccess': {'reason': str(error)},
        'ShareResourceNotFound': {'share_id': share_id},
        'ShareShrinkingPossibleDataLoss': {'share_id': share_id},
        'BadConfigurationException': {'reason': str(error)},
        'ShareBackendException': {'msg': str(error)},
    }[error.manila]
    error_of_manila: Exception = kind(**fields)
    return error_of_manila
