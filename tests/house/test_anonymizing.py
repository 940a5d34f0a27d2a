# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/anonymizing.md lists what stays in a recording: the rows of milter-anonymizer-words.c.

MILTERLAB_UPDATE=1 rewrites the list; read the difference before committing it."""

import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/anonymizing.md"
BEGIN, END = "<!-- the rows of milter-anonymizer-words.c -->\n", "<!-- end of the rows -->\n"
TITLES = {
    "TEXT": "Texts, identifiers, and all that is not named below", "ADDRESS": "Addresses, hosts, HELO",
    "RECEIVED": "Received", "DATE": "Dates", "MIME": "Fields of MIME, also of the parts of a body; boundaries",
    "SIGNATURE": "Signatures", "RESULTS": "Results of checks", "KEYWORD": "Keywords", "LIST": "Mailing lists", "COUNT": "Numbers",
    "CLIENT_PORT": "Ports", "TLS": "TLS and authentication", "PARAMETER": "Parameters of MAIL and RCPT",
    "REPLY": "Texts of replies, reasons of quarantine", "COMMAND": "Commands that an MTA does not know",
    "NOTE": "Remarks, if all of it are these words",
}
FLAGS = {
    "DATES": "dates with their times", "NUMBERS": "words that are numbers", "NAMES": "the names in `h=`",
    "CODES": "SMTP codes where a line begins", "XTEXT": "", "PORT": "ports below 1024",
    "HOSTS": "`localhost`, `localhost.localdomain`, `unknown`; the mailboxes `postmaster` and `mailer-daemon`",
}


def rows(source):
    """(name, flags, [words, headers, macros]) of the table."""
    source = re.sub(r"/\*.*?\*/", "", source, flags=re.S)
    for name, value in re.findall(r"#define (\w+_(?:WORDS|HEADERS)) \\\n((?:.*\\\n)*.*)", source):
        source = re.sub(rf"(?<!#define )\b{name}\b", lambda _: value.replace("\\\n", ""), source)
    table = source[source.index("contexts[MILTER_N_CONTEXTS] = {"):]
    for name, row in re.findall(r"\[MILTER_CONTEXT_(\w+)\] = \{(.*?)\}", table[:table.index("\n};")], re.S):
        flags, texts = row.split('"', 1)
        fields = re.split(r",(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", '"' + texts)
        yield name, re.findall(r"MILTER_CONTEXT_(\w+)", flags), ["".join(re.findall(r'"([^"]*)"', f)).split() for f in fields if '"' in f]


def listed(source):
    text = []
    for name, flags, (words, headers, macros) in rows(source):
        text.append(f"**{TITLES[name]}**\n")
        if headers or macros:
            text.append("in " + "; ".join(part for part in (
                "header fields " + ", ".join(headers) if headers else "",
                "macros " + ", ".join(f"`{macro}`" for macro in macros) if macros else "") if part) + "\n")
        stays = [FLAGS[flag] for flag in flags if FLAGS[flag]] + [" ".join(f"`{word}`" for word in words)] * bool(words)
        text.append("stays: " + ("; ".join(stays) if stays else "nothing") + "\n")
    return "\n".join(text)


def test_the_page_lists_what_stays():
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    wanted = listed((ROOT / "lib/capture/milter-anonymizer-words.c").read_text())
    if os.environ.get("MILTERLAB_UPDATE"):
        PAGE.write_text(before + BEGIN + "\n" + wanted + "\n" + END + after)
    assert PAGE.read_text().split(BEGIN)[1].split(END)[0].strip() == wanted.strip()


def test_all_rows_are_found():
    found = {name: words for name, _, words in rows((ROOT / "lib/capture/milter-anonymizer-words.c").read_text())}
    assert set(found) == set(TITLES)
    assert found["TEXT"][0] == [] and "tlsv1.3" in found["RECEIVED"][0] and "from" in found["ADDRESS"][1] and "v" in found["KEYWORD"][2]
