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

"""Elements of HTML and SVG; texts and values can not become markup."""

from xml.etree import ElementTree

Element = ElementTree.Element
Child = Element | str


def element(tag: str, /, *children: Child, **attributes: str) -> Element:
    """Make an element.

    :param children: elements and texts, in order
    :param attributes: an underscore stands for a dash, 'class_' for 'class'
    """
    made = Element(
        tag,
        {
            name.rstrip('_').replace('_', '-'): value
            for name, value in attributes.items()
        },
    )
    for child in children:
        if isinstance(child, str):
            _append_text(made, child)
        else:
            made.append(child)
    return made


def document(root: Element) -> str:
    """Write a page."""
    text = ElementTree.tostring(root, encoding='unicode', method='html')
    return f'<!DOCTYPE html>\n{text}\n'


def _append_text(to: Element, text: str) -> None:
    if len(to):
        to[-1].tail = (to[-1].tail or '') + text
    else:
        to.text = (to.text or '') + text
