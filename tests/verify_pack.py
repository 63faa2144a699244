#!/usr/bin/env python3
"""Checks a pack of `endorsed pack` without any code of endorsed: digests, entries, inclusion proofs, the signed head and
DKIM with the recorded key records. usage: verify_pack.py PACK.tar.gz|FOLDER [VERIFIER-KEY]; ends with 1 at what fails."""
import base64, hashlib, json, pathlib, re, sys, tarfile, time
import dkim, nacl.signing

def sha(*parts): return hashlib.sha256(b"".join(parts)).digest()
def need(holds, what):
    if not holds: sys.exit(f"FAILED: {what}")
def read(path):
    """All files by name, without the folder that an archive has around them."""
    if path.is_dir():
        return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}
    with tarfile.open(path) as tar:
        return {m.name.split("/", 1)[1]: tar.extractfile(m).read() for m in tar if m.isfile()}

def head(note, vkey):
    """Size and root of a signed head (C2SP signed-note, tlog-checkpoint)."""
    text, signatures = note.rsplit("\n\n", 1)
    origin, size, root = text.split("\n")
    name, key_id, key = vkey.split("+", 2)
    key = base64.b64decode(key, validate=True)
    need(name == origin and key[0] == 1 and sha(name.encode(), b"\n", key)[:4].hex() == key_id, "the verifier key")
    dash, signer, signature = signatures.removesuffix("\n").split(" ")
    signature = base64.b64decode(signature, validate=True)
    need((dash, signer) == ("\u2014", name) and signature[:4].hex() == key_id, "the signature's name and key")
    nacl.signing.VerifyKey(key[1:]).verify((text + "\n").encode(), signature[4:])
    return int(size), base64.b64decode(root, validate=True)

def included(leaf, index, size, root, path):
    """RFC 9162 section 2.1.3.2."""
    fn, sn, r = index, size - 1, sha(b"\0", leaf)
    for p in path:
        need(sn != 0, "the path is too long")
        if fn & 1 or fn == sn:
            r = sha(b"\1", p, r)
            while not fn & 1 and fn: fn, sn = fn >> 1, sn >> 1
        else: r = sha(b"\1", r, p)
        fn, sn = fn >> 1, sn >> 1
    need(index < size and sn == 0 and r == root, f"entry {index} is not in the log")

files = read(pathlib.Path(sys.argv[1]))
listed = json.loads(files["manifest.json"])["files"]
need(set(listed) == set(files) - {"manifest.json"}, "manifest.json names other files")
for name, digest in listed.items(): need(sha(files[name]).hex() == digest, f"the digest of {name}")
vkey, note = files["log.vkey"].decode().removesuffix("\n"), files["checkpoint"].decode()
need(len(sys.argv) < 3 or sys.argv[2] == vkey, "the pack comes from another log")
size, root = head(note, vkey)
entries = {}
for name in sorted(n for n in files if n.endswith(".leaf")):
    stem, leaf = name[:-5], files[name]
    octets, salt, said = files[stem + ".json"], files.get(stem + ".salt"), json.loads(leaf)
    entry, index = json.loads(octets), int(stem.split("/")[1])
    erased = "of" in entry  # What stays of an erased entry: the commitment is all there is.
    commitment = entry["commitment"] if erased else sha(salt or b"", octets).hex()
    version = entry["v"] if erased else 2 if salt else 1
    canonical = {"commitment": commitment, "entry": entry["of" if erased else "entry"], "seq": index, "v": version}
    need(leaf == json.dumps(canonical, separators=(",", ":")).encode(), f"{name} does not commit to its entry")
    proof, signed = files[stem + ".tlog-proof"].decode().split("\n\n", 1)
    kind, number, *path = proof.split("\n")
    need((kind, number, signed) == ("c2sp.org/tlog-proof@v1", f"index {index}", note), f"the proof of entry {index}")
    included(leaf, index, size, root, [base64.b64decode(p, validate=True) for p in path])
    entries[index] = entry
kinds = lambda kind: [e for _, e in sorted(entries.items()) if e.get("entry") == kind]
seen, read_as = {e["sha256"] for e in kinds("seen")}, {e["sha256"]: e for e in kinds("considered")}
mails = {n[5:-4]: octets for n, octets in files.items() if n.startswith("mail/")}
for digest, raw in mails.items(): need(sha(raw).hex() == digest and digest in seen, f"mail {digest}")
need(set(read_as) <= set(mails), "a mail that was read is missing")
found = [(e["name"], e["state"]["found"]) for e in kinds("key") if "found" in e["state"]]
records = {(name, sha(text.encode()).hex()): text for name, text in found}
proven = 0
for digest, entry in read_as.items():
    if (entry["authorship"] or {}).get("claim") != "verified": continue
    keys = {name: records.get((name, text)) for name, text in entry["keys"]}
    stamp = re.search(rb"[;\s]t=(\d+)", mails[digest])  # x= is judged at the time of the signature
    dkim.time = type("Then", (), {"time": staticmethod(lambda: int(stamp[1]) if stamp else time.time())})
    txt = lambda name, timeout=5: (keys.get(name.decode().rstrip(".").lower()) or "").encode() or None
    need(dkim.verify(re.sub(rb"\r?\n", b"\r\n", mails[digest]), dnsfunc=txt), f"DKIM of mail {digest}")
    proven += 1
print(f"OK: {len(entries)} entries, {len(mails)} mails, {proven} proven by DKIM, log {size}:{root.hex()}")
