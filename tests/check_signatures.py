#!/usr/bin/env python3
"""Second opinion: an independent DKIM implementation (dkimpy) on every signed fixture.

Ends with 1 when a mail that facts.toml calls signed and unedited does not verify, or an edited one does.
"""
import json
import pathlib
import re
import sys
import time
import tomllib

import dkim

ROOT = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "conversations"
KEYS = {name.rstrip(".").lower(): text for name, text in json.loads((ROOT / "dns.json").read_text()).items()}


def key(name, timeout=5):
    text = KEYS.get(name.decode().rstrip(".").lower())
    return text.encode() if text else None


class Then:
    """The time of the signature: x= is judged at receipt, not today."""

    now = 0

    @staticmethod
    def time():
        return Then.now


dkim.time = Then
passed = failed = 0
for facts in sorted(ROOT.glob("*/facts.toml")):
    for mail in tomllib.loads(facts.read_text()).get("mail", []):
        how = mail.get("sign", "none")
        if how == "none" or "#" in mail["file"]:
            continue
        raw = (facts.parent / mail["file"]).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        expected = not mail.get("edits")
        stamp = re.search(rb"[;\s]t=(\d+)", raw)
        Then.now = int(stamp.group(1)) if stamp else int(time.time())
        try:
            holds = dkim.verify(raw, dnsfunc=key)
        except dkim.DKIMException as error:
            print(f"{facts.parent.name}/{mail['file']}: {error}")
            holds = False
        if holds == expected:
            passed += 1
        else:
            failed += 1
            print(f"{facts.parent.name}/{mail['file']}: verifies {holds}, expected {expected}")
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
