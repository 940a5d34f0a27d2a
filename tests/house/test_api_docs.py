# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing public is without a word: the GIR files are walked, and whatever has no documentation is named."""

import os
import pathlib
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MILTERLAB_BUILD", ""))
NAMESPACES = ["MilterCore", "MilterClient", "MilterServer"]
CORE = "{http://www.gtk.org/introspection/core/1.0}"
GLIB = "{http://www.gtk.org/introspection/glib/1.0}"

# what has a page or a paragraph of its own
SYMBOLS = [CORE + kind for kind in ("function", "method", "constructor", "class", "interface", "record", "union", "enumeration", "bitfield",
                                    "callback", "constant", "property", "member", "function-macro")] + [GLIB + "signal"]
FUNCTIONS = {CORE + kind for kind in ("function", "method", "constructor")}


def name_of(node):
    return node.get(CORE + "name") or node.get("name") or ""


def is_generated(node):
    identifier = node.get("{http://www.gtk.org/introspection/c/1.0}identifier", "")
    return identifier.endswith(("_get_type", "_quark"))


def has_doc(node):
    doc = node.find(CORE + "doc")
    return doc is not None and bool((doc.text or "").strip())


def is_documented(node):
    """A function is also told of by what it returns, or by what its parameters mean."""
    if has_doc(node):
        return True
    if node.tag not in FUNCTIONS:
        return False
    returned = node.find(CORE + "return-value")
    return (returned is not None and has_doc(returned)) or node.find(f"{CORE}parameters/{CORE}parameter/{CORE}doc") is not None


def casts_of(root):
    """MILTER_CLIENT () and its like, which every GObject class has."""
    classes = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name_of(node)).upper() for kind in ("class", "interface") for node in root.iter(CORE + kind)}
    return {prefix + name + suffix for name in classes for prefix in ("", "IS_") for suffix in ("", "_CLASS", "_GET_CLASS", "_GET_IFACE")}


def is_told_of_in_header(field):
    """The scanner leaves out what is said of members that are functions."""
    if field.find(CORE + "callback") is None:
        return False
    return any(f"\n * @{name_of(field)}: " in path.read_text() for path in ROOT.glob("lib/*/milter-*-handlers.h"))


def undocumented(root):
    """Each thing without documentation, as a path of names."""
    found = []
    casts = casts_of(root)

    def walk(node, path):
        here = f"{path}.{name_of(node)}" if name_of(node) else path
        if node.tag == CORE + "function-macro" and name_of(node) in casts:
            return
        if node.tag == CORE + "record" and name_of(node).endswith("Private"):
            return
        # the class struct of a class is documented as such; its first member is the parent's
        is_class_struct = node.tag == CORE + "record" and node.get(GLIB + "is-gtype-struct-for")
        if node.tag in SYMBOLS and not is_generated(node) and not is_class_struct and not is_documented(node):
            found.append(here)
        if node.tag == CORE + "record" and node.get("disguised") == "1":
            return
        for child in node:
            if child.tag in (CORE + "doc", CORE + "type"):
                continue
            if child.tag == CORE + "field":
                if not is_class_struct and child.get("private") != "1" and child.get("readable") != "0" \
                        and name_of(child) not in ("parent_instance", "parent_class", "parent_iface", "padding") \
                        and not has_doc(child) and not is_told_of_in_header(child):
                    found.append(f"{here}.{name_of(child)}")
                continue
            if child.tag == CORE + "parameters" and not is_generated(node) and node.tag != CORE + "virtual-method":
                for parameter in child.findall(CORE + "parameter"):
                    if not has_doc(parameter):
                        found.append(f"{here}({name_of(parameter)})")
                continue
            if child.tag == CORE + "return-value" and not is_generated(node) and node.tag != CORE + "virtual-method":
                kind = child.find(CORE + "type")
                if not has_doc(child) and (kind is None or kind.get("name") != "none"):
                    found.append(f"{here} returns")
                continue
            walk(child, here)

    walk(root.find(CORE + "namespace"), "")
    return sorted(found)


def gir(namespace):
    assert str(BUILD), "MILTERLAB_BUILD must name the build folder"
    path = BUILD / "lib/introspection" / f"{namespace}-1.0.gir"
    if not path.exists():
        pytest.skip("the build has no introspection: gobject-introspection is not installed")
    return ElementTree.parse(path).getroot()


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_everything_public_is_documented(namespace):
    found = undocumented(gir(namespace))
    assert found == [], f"{len(found)} things in {namespace} have no documentation"


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_the_reference_can_be_made_without_a_warning(namespace, tmp_path):
    gir(namespace)
    if shutil.which("gi-docgen") is None:
        pytest.skip("gi-docgen is not installed")
    subprocess.run(["gi-docgen", "generate", "--quiet", "--fatal-warnings", f"--add-include-path={BUILD}/lib/introspection",
                    f"--config={BUILD}/docs/api/{namespace}.toml", f"--output-dir={tmp_path}",
                    f"{BUILD}/lib/introspection/{namespace}-1.0.gir"], check=True)
    assert list(tmp_path.rglob("index.html"))


PLANTED = """<repository xmlns="http://www.gtk.org/introspection/core/1.0" xmlns:c="http://www.gtk.org/introspection/c/1.0"
 xmlns:glib="http://www.gtk.org/introspection/glib/1.0"><namespace name="N">%s</namespace></repository>"""


@pytest.mark.parametrize("xml, found", [
    ('<function name="f" c:identifier="n_f"/>', ".N.f"),
    ('<function name="f" c:identifier="n_f"><doc>It.</doc><parameters><parameter name="p"/></parameters></function>', ".N.f(p)"),
    ('<function name="f" c:identifier="n_f"><doc>It.</doc><return-value><type name="utf8"/></return-value></function>', ".N.f returns"),
    ('<enumeration name="E"><doc>It.</doc><member name="a"/></enumeration>', ".N.E.a"),
    ('<class name="C"><doc>It.</doc><property name="p"/></class>', ".N.C.p"),
    ('<class name="C"><doc>It.</doc><glib:signal name="s"/></class>', ".N.C.s"),
    ('<record name="R"><doc>It.</doc><field name="f"><type name="int"/></field></record>', ".N.R.f"),
])
def test_a_planted_gap_is_found(xml, found):
    assert found in undocumented(ElementTree.fromstring(PLANTED % xml))
