#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Holds what vhdxsetup prints with --json against its published schema.

schema.py document EXIT   reads a document, of a process that ended with EXIT,
                          from standard input; says what is wrong with it
schema.py sources         are the schema, the manual and the sources of one mind?

Exits with 0 if nothing is wrong, with 1 if something is, and with 77 if
python3-jsonschema is not installed.
"""
import glob
import json
import os
import re
import sys

try:
    import jsonschema
except ImportError:
    jsonschema = None

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
MANUAL = os.path.join(TOP, "Documentation", "vhdxsetup-json.rst")
# Functions that put a member with a name of their own into an object.
MAKERS = re.compile(
    r'\b(?:tree_(?:add|number|text|guid|flag)|document_put|document_list|print_member|'
    r'add_value)\(((?:[^;"]|"[^"]*")*?)\)\s*;')
LITERAL = re.compile(r'"([^"\\]*)"')
# Their names, where a variable has them: file, variable, how to find them.
TABLES = {
    ("cmd-check.c", "severity_name(severity)"):
        ("findings.c", r'\[VHDX_\w+\] = "([\w-]+)"'),
    ("status-tree.c", "counters[i]"):
        ("status-tree.c", r'^\t"(\w+)",$'),
    ("metrics.c", "counters[i].key"):
        ("metrics.c", r'^\t\{ "\w+", "(\w+)" \},$'),
    ("contents.c", "key"): None,        # add_value(), whose callers are seen
    ("listing.c", "listing->column[i]->key"): None,     # picks what is there
    ("document.c", "key"): None,        # passes members on
}

# Of `info' without --json.
TEXT_ALONE = {"sectors"}


def schema():
    """The published schema."""
    with open(os.path.join(TOP, "Documentation", "vhdxsetup.schema.json"),
              encoding="utf-8") as source:
        return json.load(source)


class Judge:
    """Validates documents."""

    def __init__(self):
        kind = jsonschema.Draft202012Validator
        kind.check_schema(schema())
        self.validator = kind(schema())

    def faults(self, document, code):
        """What is wrong, "" for nothing; code is the process's exit code."""
        found = [f"{error.json_path}: {error.message[:300]}"
                 for error in self.validator.iter_errors(document)]
        if document.get("exit") != code:
            found.append(f"exit is {document.get('exit')}, not {code}")
        error = document.get("error")
        if error and error.get("exit") != code:
            found.append(f"error.exit is {error.get('exit')}, not {code}")
        return "\n".join(found)


def read(name):
    """A source of the tool."""
    with open(os.path.join(TOP, "tools", name), encoding="utf-8") as source:
        return source.read()


def printed_keys():
    """Each key that the sources can print, and where; what is not understood."""
    keys, faults = {}, []
    for path in sorted(glob.glob(os.path.join(TOP, "tools", "*.c"))):
        name = os.path.basename(path)
        if name == "tree.c":
            continue
        for call in MAKERS.finditer(read(name)):
            words = LITERAL.findall(call[1])
            # tree_text(object, "key", "value"): the key comes first.
            if words and name != "contents.c":
                keys.setdefault(words[0], name)
                continue
            if words:
                keys.setdefault(words[-1], name)
                continue
            for (file, text), table in TABLES.items():
                if file == name and text in call[1]:
                    if table:
                        for key in re.findall(table[1], read(table[0]), re.M):
                            keys.setdefault(key, name)
                    break
            else:
                faults.append(f"{name}: the test cannot tell which key this "
                              f"prints: {call[0]}")
    return keys, faults


def properties(node, found):
    """All properties of a schema, each with its own schemas."""
    if isinstance(node, dict):
        for key, value in node.get("properties", {}).items():
            if set(value) - {"const", "properties", "enum"}:
                found.setdefault(key, []).append(value)
        for value in node.values():
            properties(value, found)
    elif isinstance(node, list):
        for value in node:
            properties(value, found)
    return found


def words_of_codes():
    """The words for errors, and the exit codes, by the sources."""
    words = set(re.findall(r'\{ \w+, EXIT_\w+, "([\w-]+)" \}',
                           read("exit-codes.c")))
    words.add(re.search(r'return "([\w-]+)";', read("exit-codes.c"))[1])
    return words


def source_faults():
    """What the sources print and nobody documents, and the reverse."""
    keys, faults = printed_keys()
    known = properties(schema(), {})
    with open(MANUAL, encoding="utf-8") as source:
        manual = source.read()
    for key in sorted(set(keys) - set(known) - TEXT_ALONE):
        faults.append(f"{keys[key]} prints \"{key}\": not in the schema")
    enveloped = {"format"}
    for key in sorted(set(known) - set(keys) - enveloped):
        faults.append(f"\"{key}\" is in the schema: nothing prints it")
    for key, places in sorted(known.items()):
        if not all(place.get("description") for place in places):
            faults.append(f"\"{key}\": the schema does not say what it is")
    for key in schema()["properties"]:
        if f"``{key}``" not in manual:
            faults.append(f"\"{key}\": the manual does not say what it is")
    words = words_of_codes()
    if words != set(schema()["$defs"]["error"]["properties"]["code"]["enum"]):
        faults.append("the words for errors are others in exit-codes.c")
    for word in sorted(words):
        if f"``{word}``" not in manual:
            faults.append(f"error \"{word}\": not in the manual")
    version = re.search(r"DOCUMENT_VERSION\t(\d+)", read("document.h"))[1]
    if int(version) != schema()["properties"]["format_version"]["const"]:
        faults.append("the format has another version in document.h")
    verbs = dict(re.findall(r'\{ "([\w-]+)", cmd_\w+, ([^}]*)\}',
                            read("verbs.c"), re.S))
    if set(verbs) != set(schema()["properties"]["verb"]["enum"]) - {None}:
        faults.append(f"the verbs are {sorted(verbs)}")
    taken = {verb for verb, text in verbs.items() if "OPT_JSON" in text}
    if taken != {name[len("verb_"):] for name in schema()["$defs"]
                 if name.startswith("verb_")}:
        faults.append(f"the verbs that take --json are {sorted(taken)}")
    return "\n".join(faults)


def main():
    if sys.argv[1] == "sources":
        wrong = source_faults()
    elif not jsonschema:
        print("python3-jsonschema is not installed")
        return 77
    else:
        text = sys.stdin.read()
        try:
            wrong = Judge().faults(json.loads(text), int(sys.argv[2]))
        except json.JSONDecodeError as error:
            wrong = f"no JSON: {error}"
        if wrong:
            wrong += "\n" + text[:4000]
    if wrong:
        print(wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
