# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is personal in a recording, and where it could still be found in another one."""

import base64
import binascii
import email
import email.header
import json
import quopri
import re

# What of the needles may be found, since it is harmless wherever it stands: loopback addresses, and the names that
# each system has
HARMLESS = re.compile(r"127\.\d+\.\d+\.\d+|::1|localhost|unknown")


def objects(shown):
    """The lines of `show --json`, but for times and packets, which are others in a file that was written again."""
    lines = [json.loads(line) for line in shown.decode().splitlines()]
    for line in lines:
        line.pop("time", None)
        line.pop("frame_number", None)
    return lines


def values(line):
    """All texts of a frame's fields, as bytes, with a name that tells where they stand."""
    found = []

    def walk(name, value):
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{name}.{key}", inner)
        elif isinstance(value, list):
            for inner in value:
                walk(name, inner)
        elif isinstance(value, str):
            found.append((name, base64.b64decode(value) if name.endswith("_base64") else value.encode()))

    if line["type"] == "opened":
        walk("opened", {"mta": line["mta"], "milter": line["milter"]})
    elif line["type"] == "raw":
        walk("raw", {key: line[key] for key in line if key.startswith("bytes")})
    elif line["type"] == "frame":
        walk(line["word"] if "word" in line else line["letter"], line.get("fields", {}))
        walk("payload", {key: line[key] for key in line if key.startswith("payload")})
    return found


def bodies(lines):
    """Each body as it was sent, with the header that it had."""
    found, header, body = [], {}, {}
    for line in lines:
        if line["type"] != "frame":
            continue
        key, fields = line["connection"], dict((name, value) for name, value in values(line))
        if line["letter"] == "M" or line["letter"] == "E":
            found.append((header.pop(key, b""), body.pop(key, b"")))
        if line["letter"] == "L" and "fault" not in line:
            name, value = [value for _, value in values(line)]
            header[key] = header.get(key, b"") + name + b":" + value + b"\r\n"
        if line["letter"] in "Bb":
            body[key] = body.get(key, b"") + b"".join(fields.values())
    return found + [(header.get(key, b""), value) for key, value in body.items()]


def decoded(text):
    """A text with its encoded words read."""
    parts = email.header.decode_header(text.decode("latin-1").replace("\n", " "))
    return " ".join(p.decode(c or "latin-1", "replace") if isinstance(p, bytes) else p for p, c in parts)


def body_texts(header, body):
    yield body
    message = email.message_from_bytes(re.sub(rb"(?m)^From .*\n", b"", header) + b"\r\n" + body)
    for part in message.walk():
        content = part.get_payload(decode=True)
        if content:
            yield content


def needles(lines):
    """What nobody may find: addresses and their parts, hosts, IPs, identifiers, words of subjects, lines of bodies."""
    found = set()
    for line in lines:
        for name, value in values(line):
            text = value.decode("latin-1")
            if name.endswith(".chunk") or name.endswith(".chunk_base64"):
                continue
            for local, host in re.findall(r"([\w.+-]+)@([\w-]+(?:\.[\w-]+)*)", text):
                found |= {f"{local}@{host}", local, host, *host.split(".")[:-1]}
            found |= set(re.findall(r"\b(?:\d{1,3}\.){3}\d{1,3}\b", text))
            found |= set(re.findall(r"\b(?:[0-9a-f]{1,4}:+){2,7}[0-9a-f]{1,4}\b", text, re.I)) - {
                clock for clock in re.findall(r"\d\d:\d\d:\d\d", text)}
        if line.get("letter") == "L" and "fault" not in line and values(line)[0][1].lower() == b"subject":
            value = values(line)[1][1]
            found |= set(re.findall(r"\w+", value.decode("latin-1"))) | set(re.findall(r"\w+", decoded(value)))
        if line.get("letter") in ("H", "C"):
            found |= {value.decode("latin-1").strip("[]") for name, value in values(line) if name in ("helo.name", "connect.host")}
        if line.get("letter") == "D":
            macros = line["fields"].get("macros", {})
            found |= {str(macros[name]) for name in ("i", "{i}") if name in macros}
    for header, body in bodies(lines):
        for text in body_texts(header, body):
            found |= {piece.strip().decode("latin-1") for piece in text.split(b"\n")}
    # what has fewer letters is in each text
    return {needle.lower() for needle in found if len(re.findall(r"\w", needle)) >= 4 and not HARMLESS.fullmatch(needle)}


def views(lines):
    """All texts of a recording, as they are and in whatever they could be encoded."""
    plain = b"\n".join(value for line in lines for name, value in values(line) if not is_name(name))
    joined = b"".join(body for _, body in bodies(lines))
    found = [plain, joined, joined.replace(b"=\r\n", b""), re.sub(rb"\r?\n[ \t]", b"", plain)]
    found += [quopri.decodestring(text) for text in found[:2]]
    found += [re.sub(rb"[%+=]([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), text) for text in found[:2]]
    for text in (plain, joined.replace(b"\r\n", b"")):
        for run in re.findall(rb"[A-Za-z0-9+/]{8,}", text):
            for skip in range(4):
                piece = run[skip:]
                piece = piece[:-1] if len(piece) % 4 == 1 else piece
                found.append(base64.b64decode(piece + b"=" * (-len(piece) % 4)))
        for run in re.findall(rb"(?:[0-9A-Fa-f]{2}){4,}", text):
            found.append(binascii.unhexlify(run))
    return b"\n".join(found).lower()


def is_name(name):
    """Names of header fields stay."""
    return name.endswith((".name", ".name_base64")) and not name.startswith("helo")


def find(needles, text):
    """The needles that stand in the text; short ones as words alone, since each few letters stand somewhere."""
    text = text.decode("latin-1")
    words = set(re.findall(r"[a-z0-9_\x80-\xff]+", text))
    return sorted(n for n in needles if (n in words if re.fullmatch(r"\w{1,5}", n) else n in text))


def kept_words(before, after):
    """The words that are the same at the same place, each with what stands around it."""
    kept = set()
    for old, new in zip(before, after):
        for (name, one), (_, other) in zip(values(old), values(new)):
            if is_name(name):
                continue
            for word in re.finditer(rb"[A-Za-z0-9\x80-\xff]+", one):
                if other[word.start():word.end()] == word[0]:
                    kept.add((name, word[0].decode("latin-1").lower()))
    return kept
