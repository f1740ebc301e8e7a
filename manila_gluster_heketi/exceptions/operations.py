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

"""Errors of operations (7xx)."""

from manila_gluster_heketi.exceptions.base import GlusterHeketiError
from manila_gluster_heketi.exceptions.requests import Conflict


class OperationFailed(GlusterHeketiError):
    """An operation failed and was undone."""

    code = 'MGH-700'
    template = '{kind} of {subject} failed and was undone: {reason}'
    action = 'Nothing was left behind.'


class OperationStuck(OperationFailed):
    """An operation failed and could not be undone everywhere yet."""

    code = 'MGH-701'
    template = (
        '{kind} of {subject} failed: {reason} Undoing it is not complete '
        '(operation {operation}): {undo_reason}'
    )
    action = 'The rest is undone when the host answers again.'


class InvalidTransition(GlusterHeketiError):
    """A state change that the table of transitions does not allow."""

    code = 'MGH-702'
    template = '{kind} {identity}: no way from {state} to {wanted}.'
    action = 'Report this; the object was not changed.'


class OperationHeld(Conflict):
    """An operation was open in a copy of the store that was put back.

    What it did may have ended long ago, and be in use: so nobody goes on with
    it before an operator has looked.
    """

    code = 'MGH-703'
    template = (
        'operation {identity} ({kind}) was under way when the store was '
        'copied, and is held since the copy was put back.'
    )
    action = (
        'Look at it with "gluster-heketi operation show" and "check", then '
        'end it with "operation accept", which takes it for done, "operation '
        'resume", which finishes or undoes it on the nodes, or "operation '
        'abandon --leave-the-rest"; nothing was changed.'
    )


class StepBroke(GlusterHeketiError):
    """A step met an error that nobody had thought of."""

    code = 'MGH-704'
    template = 'step {step} on {host}: {error}: {said}.'
    action = 'This is a bug: report it with the traceback in the log.'
