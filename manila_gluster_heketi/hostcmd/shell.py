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

"""Short scripts for what no single program can do."""

#: Changes the file ``$1`` in one step: ``filter`` writes the new text. The
#: copy keeps owner, mode and security label; without the first sync a power
#: cut could leave an empty file in its place, without the second the old one.
REPLACE_FILE = """\
replace() {
file=$1; shift
cp -p -- "$file" "$file.new" && "$@" <"$file" >"$file.new" &&
sync "$file.new" && mv -f -- "$file.new" "$file" && sync "${file%/*}" &&
return
rm -f -- "$file.new"
return 1
}
"""


def script(text: str, name: str, *arguments: str) -> tuple[str, ...]:
    """Make an argv list that runs a script.

    Values go in as arguments, never into the text: nothing to quote.

    :param name: what error messages of the shell begin with
    """
    return ('sh', '-c', text, name, *arguments)
