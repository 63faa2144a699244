#!/usr/bin/env python3
"""Second opinion on packs: verify_pack.py, which has none of our code in it, accepts the packs of a store made from the
fixtures and refuses each of them with any one part changed. usage: check_packs.py ENDORSED-PROGRAM"""
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
CONFIG = f"""[seller]
domains = ["northwind-labs.example"]
names = ["Northwind", "Cascade"]
evidence = "evidence@northwind-labs.example"
[store]
path = "store"
[dns]
file = "{FIXTURES}/conversations/dns.json"
[policy]
trust_declared_champions = true
"""
passed = failed = 0


def check(what, holds):
    global passed, failed
    passed, failed = passed + holds, failed + (not holds)
    if not holds:
        print(f"{what}: not as expected")


def run(folder, *arguments):
    return subprocess.run([sys.argv[1], *arguments], cwd=folder, capture_output=True, text=True)


def opinion(folder, *more):
    """Whether the script accepts an unpacked pack, and what it says."""
    ended = subprocess.run([sys.executable, HERE / "verify_pack.py", folder, *more], capture_output=True, text=True)
    return ended.returncode == 0, ended.stdout + ended.stderr


def changes(octets):
    """One octet changed at the start, in the middle and at the end; the file without its end; an empty file."""
    for at in {0, len(octets) // 2, len(octets) - 1}:
        yield octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]
    yield octets[:-1]
    yield b""


def one_pack(folder, opportunity, changed):
    run(folder, "gate", opportunity, "--to", "commercial_review", "--record", "--config", "endorsed.toml")
    written = run(folder, "pack", opportunity, "--config", "endorsed.toml")
    check(f"{opportunity}: pack", written.returncode == 0)
    archive = folder / f"{opportunity}-pack.tar.gz"
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    unpacked = folder / opportunity
    for path in (archive, unpacked):
        holds, text = opinion(path)
        check(f"{opportunity}: {text}", holds and re.search(r"[1-9]\d* proven by DKIM", text) is not None)
    key = (unpacked / "log.vkey").read_text().strip()
    check(f"{opportunity}: its key", opinion(unpacked, key)[0])
    check(f"{opportunity}: another key", not opinion(unpacked, key[:-2] + "==")[0])
    for path in sorted(p for p in unpacked.rglob("*") if changed and p.is_file() and "rules" not in p.parts):
        octets = path.read_bytes()
        for n, other in enumerate(changes(octets)):
            path.write_bytes(other)
            check(f"{opportunity}: {path.name}, change {n}", not opinion(unpacked)[0])
        path.unlink()
        check(f"{opportunity}: without {path.name}", not opinion(unpacked)[0])
        path.write_bytes(octets)
    check(f"{opportunity}: as it was", opinion(unpacked)[0])


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    (folder / "endorsed.toml").write_text(CONFIG)
    # The first release's store, in which entries have no salt, and mail that came since.
    subprocess.run(["cp", "-r", FIXTURES / "store" / "format-1", folder / "store"], check=True)
    more = run(folder, "ingest", str(FIXTURES / "conversations" / "12-conditional-proposal-accepted"), "--config", "endorsed.toml")
    check("ingest", more.returncode == 0)
    one_pack(folder, "OPP-31001", True)
    one_pack(folder, "OPP-31012", False)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
