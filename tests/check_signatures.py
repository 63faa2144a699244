#!/usr/bin/env python3
"""Second opinion: dkimpy and authres, two independent implementations, against ours.

1. dkimpy on every signed fixture: what facts.toml calls signed and unedited verifies, and an edited one does not.
2. 120 mails that dkimpy signs (both kinds of key, all canonicalisations, half of them changed since): our answer is
   dkimpy's own.
3. 120 mails that we sign: dkimpy's answer is ours.
4. 200 Authentication-Results values: authres and our parser read the same, or both refuse.

Our side is the test `second_opinion` of the integration tests. Ends with 1 when an answer differs. Known
differences are named at KNOWN, each with its reason.
"""
import base64
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import tomllib

import authres
import dkim
import nacl.encoding
import nacl.signing

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent / "fixtures" / "conversations"
RECORDS = {name.rstrip(".").lower(): text for name, text in json.loads((ROOT / "dns.json").read_text()).items()}
NAME = "s1._domainkey.acme.example"
SIGNED = 120
RESULTS = 200


class Then:
    """The time of the signature: x= is judged at receipt, not today."""

    now = 0

    @staticmethod
    def time():
        return Then.now


dkim.time = Then
passed = failed = 0


def check(what, found, expected):
    global passed, failed
    if found == expected:
        passed += 1
    else:
        failed += 1
        print(f"{what}: {found}, expected {expected}")


def verifies(raw, records):
    stamp = re.search(rb"[;\s]t=(\d+)", raw)
    Then.now = int(stamp.group(1)) if stamp else int(time.time())

    def key(name, timeout=5):
        text = records.get(name.decode().rstrip(".").lower())
        return text.encode() if text else None

    try:
        return dkim.verify(raw, dnsfunc=key)
    except Exception as error:  # dkimpy lets errors of its base64 and crypto libraries through
        print(f"  ({type(error).__name__}: {error})")
        return False


def crlf(raw):
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def fixtures():
    for facts in sorted(ROOT.glob("*/facts.toml")):
        for mail in tomllib.loads(facts.read_text()).get("mail", []):
            if mail.get("sign", "none") == "none" or "#" in mail["file"]:
                continue
            raw = crlf((facts.parent / mail["file"]).read_bytes())
            check(f"{facts.parent.name}/{mail['file']}", verifies(raw, RECORDS), not mail.get("edits"))


def keys():
    """A key of each kind: what dkimpy signs with, and its record."""
    pem = (HERE / "keys" / "rsa2048.pem").read_bytes()
    public = subprocess.run(["openssl", "pkey", "-pubout", "-outform", "DER"], input=pem, capture_output=True, check=True)
    yield pem, b"rsa-sha256", "v=DKIM1; k=rsa; p=" + base64.b64encode(public.stdout).decode()
    seed = nacl.signing.SigningKey(bytes(range(32)))
    public = seed.verify_key.encode(nacl.encoding.Base64Encoder).decode()
    yield base64.b64encode(seed.encode()), b"ed25519-sha256", "v=DKIM1; k=ed25519; p=" + public


def letter(n):
    bodies = ["Yes, confirmed.\n", "Yes,\t confirmed  \n\n\n", "\n\n", " lead\n\n  \ttabs \n.\n..dots\n",
              "äöü – ✅\n> quoted\n", "From here\n\nand there \n", "x" * 900 + "\n"]
    subjects = ["Re: Win", "  Re:   spaces \t here", "Re: a\n folded subject\n\twith tabs", "=?utf-8?q?R=C3=A9?= x"]
    return crlf(f"""From: Dana Reyes <dana@acme.example>
To: Sam <sam@northwind-labs.example>
Subject: {subjects[n % 4]}
Date: Fri, 20 Nov 2026 11:00:00 +0000
Message-ID: <p{n}@acme.example>
In-Reply-To: <d1@northwind-labs.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

{bodies[n % 7]}""".encode())


def change(raw, n):
    return [lambda r: r.replace(b"Dana Reyes", b"Dana Ruiz", 1),
            lambda r: r.replace(b"\r\nSubject: ", b"\r\nSUBJECT:", 1),
            lambda r: r + b"\r\n\r\n",
            lambda r: r.replace(b"20 Nov 2026", b"21 Nov 2026", 1),
            lambda r: r + b"PS: no.\r\n",
            lambda r: b"X-Added: above\r\n" + r][n % 6](raw)


def signed():
    kinds = list(keys())
    forms = list(itertools.product((b"relaxed", b"simple"), repeat=2))
    for n in range(SIGNED):
        private, algorithm, record = kinds[n // 2 % 2]
        raw = letter(n)
        names = [b"from", b"to", b"subject", b"date", b"message-id", b"in-reply-to"] + [b"from", b"subject"] * (n % 3 == 0)
        Then.now = 1795172400
        raw = dkim.sign(raw, b"s1", b"acme.example", private, canonicalize=forms[n // 4 % 4],
                        signature_algorithm=algorithm, include_headers=names) + raw
        if n % 2:
            raw = change(raw, n // 2)
        yield raw, record


def values():
    """Authentication-Results as servers write them, and as attackers would."""
    ids = ["mx.northwind-labs.example", "mx.google.com", "MX.Example.org", "x.example 1", "(c) mx.example (d)"]
    dkims = ["dkim=pass header.d=acme.example", "dkim=pass (2048-bit key; unprotected) header.d=acme.example header.s=s1",
             "dkim=fail reason=\"bad; signature\" header.d=acme.example", "dkim=neutral (a (nested) \\) comment) header.i=@acme.example",
             "dkim = pass header.d=acme.example", "dkim=none", "dkim=temperror", "dkim=pass (open header.d=acme.example"]
    others = ["spf=pass smtp.mailfrom=dana@acme.example", "spf=softfail (x) smtp.mailfrom=acme.example",
              "dmarc=pass (p=reject dis=none) header.from=acme.example", "dmarc=fail header.from=acme.example",
              "iprev=pass policy.iprev=10.0.0.1"]
    every = [f"{i}; {d}; {o}" for i, d, o in itertools.product(ids, dkims, others)]
    odd = ["mx.example; none", "mx.example 1; none", "mx.example;", "mx.example", "; dkim=pass", "mx.example; dkim", "mx.example; dkim=",
           "mx.example; =pass", "mx.example; dkim=pass header.d", "mx.example; dkim=pass reason=\"open", "mx.example; dkim=pass )"]
    return (odd + every)[:RESULTS + len(odd)]


def read(value):
    """What authres reads, in our words; None when it refuses."""
    try:
        header = authres.AuthenticationResultsHeader.parse("Authentication-Results: " + value)
    except Exception:
        return None
    results = [[r.method.lower(), r.result.lower(), r.reason, [[f"{p.type}.{p.name}".lower(), p.value] for p in r.properties]]
               for r in header.results]
    return {"id": header.authserv_id.lower(), "results": results}


# Where we refuse what authres accepts, or the other way round, on purpose.
KNOWN = {
    "mx.example": "a field without any result says nothing (RFC 8601 §2.2 wants one); authres takes it",
    "mx.example;": "the same",
    "mx.example; dkim=pass header.d": "authres stops at a property without a value and forgets it; we refuse the field",
}

fixtures()
asked = [(raw, record, verifies(raw, {NAME: record})) for raw, record in signed()]
fields = values()
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    with (folder / "asked.jsonl").open("w") as out:
        for raw, record, _ in asked:
            out.write(json.dumps({"raw": base64.b64encode(raw).decode(), "key": record}) + "\n")
        for value in fields:
            out.write(json.dumps({"results": value}) + "\n")
    subprocess.run(["cargo", "test", "-q", "--locked", "--test", "it", "second_opinion::"],
                   cwd=HERE.parent, env=os.environ | {"ENDORSED_SECOND_OPINION": str(folder)}, check=True,
                   stdout=subprocess.DEVNULL)
    answers = [json.loads(line) for line in (folder / "answered.jsonl").read_text().splitlines()]
    made = [json.loads(line) for line in (folder / "made.jsonl").read_text().splitlines()]
if len(answers) != len(asked) + len(fields) or not made:
    sys.exit("our side did not answer everything")
for n, ((raw, record, theirs), ours) in enumerate(zip(asked, answers)):
    check(f"signed by dkimpy, mail {n}", ours, theirs)
for n, mail in enumerate(made):
    check(f"signed by us, mail {n}", verifies(base64.b64decode(mail["raw"]), {NAME: mail["key"]}), mail["holds"])
for value, ours in zip(fields, answers[len(asked):]):
    if value in KNOWN:
        continue
    check(f"results {value!r}", ours, read(value))
good = sum(theirs for _, _, theirs in asked), sum(mail["holds"] for mail in made)
print(f"dkimpy's mails: {good[0]} of {len(asked)} hold; ours: {good[1]} of {len(made)} hold")
if min(good) == 0 or good[0] == len(asked) or good[1] == len(made):
    sys.exit("the generated mails are all of one kind: nothing was compared")
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
